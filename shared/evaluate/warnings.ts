import type { Report } from "./reportSchema.ts";

type Facts = Pick<Report, "bus" | "teachers" | "ensemble" | "baseline" | "seeds" | "testReads">;

/** What a reader should know before trusting the numbers, one sentence each. */
export function warningsOf(facts: Facts): string[] {
  return [...teacherWarnings(facts), ...studentWarnings(facts), ...busWarnings(facts)];
}

function teacherWarnings({ teachers, ensemble, baseline }: Facts): string[] {
  const warnings: string[] = [];
  const best = teachers.find((teacher) => teacher.name === ensemble?.bestTeacher);
  const single = best && best.testSamples === ensemble?.testSamples ? best.accuracy : null;
  const together = ensemble?.accuracy ?? null;
  if (teachers.length > 1 && single !== null && together !== null && together <= single) {
    warnings.push(
      `The ensemble (${percent(together)}) is not better than its best teacher ${ensemble?.bestTeacher} (${percent(single)}): that teacher alone may serve as well.`,
    );
  }
  if (baseline && together !== null && together <= baseline.accuracy) {
    warnings.push(
      `The ensemble (${percent(together)}) is not better than the student alone (${percent(baseline.accuracy)}): there is no gap to close, and little to learn from it.`,
    );
  }
  warnings.push(...quorumWarnings(ensemble?.quorum ?? null, teachers));
  for (const teacher of teachers) {
    warnings.push(...qualityWarnings(teacher), ...numericsWarnings(teacher), ...storageWarnings(teacher));
    if (!teacher.outputWasProbabilities) continue;
    warnings.push(
      `Teacher ${teacher.name} gives probabilities, made logits by a floored log: what lay below the floor is lost. Export it with logits if you can.`,
    );
  }
  return warnings;
}

/** Of a run in which chunks were closed without some teacher. */
function quorumWarnings(
  quorum: NonNullable<Report["ensemble"]>["quorum"],
  teachers: Report["teachers"],
): string[] {
  if (!quorum || quorum.belowAll === 0) return [];
  const { chunks, belowAll, belowQuorum, labelsAlone, leftOut, missing } = quorum;
  const shares = teachers.flatMap(({ name }, k) =>
    missing[k] ? [`${name} is missing in ${percent(missing[k])} of the training samples`] : [],
  );
  const few =
    belowQuorum > 0
      ? ` ${belowQuorum} had fewer than the quorum: ${labelsAlone} training samples were learnt from their labels alone, and ${leftOut} were left out.`
      : "";
  return [
    `${belowAll} of ${chunks} chunks were closed without some teacher, as their deadline had passed${shares.length > 0 ? ` (${shares.join(", ")})` : ""}. Which ones, chance decided: all students of this run used the same labels, and another run of the spec may use others and give other weights.${few}`,
  ];
}

/** The least difference of a mean probability or an accuracy that is worth a word. */
const DIVERGENCE = 0.05;

/**
 * Labels of samples that a teacher has learnt by heart say little beyond the true class. Chance is left out: three
 * standard errors of a mean of n numbers in [0, 1] are 1.5 / sqrt(n) at most. Where few samples have a label, the teacher
 * has seen these few, and the others, which are most of what it teaches, it has not.
 */
function qualityWarnings({ name, quality: { transfer, validation } }: Report["teachers"][number]): string[] {
  const chance = 1.5 / Math.sqrt(Math.max(1, Math.min(transfer.known, validation.known)));
  const apart = (a: number | null, b: number | null): boolean =>
    a !== null && b !== null && a - b > Math.max(DIVERGENCE, chance);
  if (transfer.known < transfer.samples / 2) return [];
  if (
    !apart(transfer.trueClassProbability, validation.trueClassProbability) &&
    !apart(transfer.accuracy, validation.accuracy)
  ) {
    return [];
  }
  const words = ({ trueClassProbability, accuracy, entropy }: typeof transfer): string =>
    `true class at ${percent(trueClassProbability ?? 0)}, ${percent(accuracy ?? 0)} right, entropy ${(entropy ?? 0).toFixed(3)}`;
  return [
    `Teacher ${name} is surer of the training split (${words(transfer)}) than of validation (${words(validation)}): it has seen what it labels. Train it with crossFit, or label other data.`,
  ];
}

/** Of a run that took answers which are not the first node's bits. */
export function numericsWarnings({
  name,
  computers,
}: Pick<Report["teachers"][number], "name" | "computers">): string[] {
  const worst = Math.max(0, ...computers.map(({ difference }) => difference));
  if (worst === 0) return [];
  return [
    `Labels of teacher ${name} were computed by nodes whose logits differ by up to ${worst.toPrecision(2)}: the weights depend on who labelled what.`,
  ];
}

/** Of labels that were read at temperatures whose tail they do not hold. */
function storageWarnings({ name, storage }: Report["teachers"][number]): string[] {
  const sparse = storage.read.some(({ kl }) => kl === null)
    ? [
        `Labels of teacher ${name} (${storage.encoding}) give classes that they do not hold no probability: its NLL and calibration error, and the ensemble's, are those of the labels and not of the teacher.`,
      ]
    : [];
  const others = storage.read.filter(({ declared }) => !declared);
  if (others.length === 0) return sparse;
  const words = ({ temperature, kl, reverseKl }: (typeof others)[number]): string =>
    `${(kl ?? reverseKl).toPrecision(2)} nats at T = ${Number(temperature.toPrecision(4))}`;
  const held = storage.read.filter(({ declared }) => declared).map(words);
  return [
    ...sparse,
    `Labels of teacher ${name} (${storage.encoding}) were read at temperatures for which they hold no tail, as if all classes that are not stored had one logit: what was read is ${others.map(words).join(", ")} from what it said, and ${held.join(", ")} where they hold it.`,
  ];
}

export function studentWarnings({
  seeds,
  baseline,
  testReads,
}: {
  readonly seeds: readonly unknown[];
  readonly baseline: unknown;
  readonly testReads: number;
}): string[] {
  const warnings: string[] = [];
  if (seeds.length === 1) {
    warnings.push("Only one seed was trained: a difference may be chance. Use three seeds or more.");
  }
  if (seeds.length === 2) {
    warnings.push("Only two seeds were trained: their interval is very wide. Use three seeds or more.");
  }
  if (baseline === null) {
    warnings.push("No student was trained without teachers, so the effect of distillation is unknown.");
  }
  if (testReads > 1) {
    warnings.push(
      `The test split was read ${testReads} times: if anything was chosen by what an earlier read showed, these numbers are too good.`,
    );
  }
  return warnings;
}

export function busWarnings({ bus }: Pick<Report, "bus">): string[] {
  if (bus.kind === "nats") return [];
  const why = bus.note ? ` (${bus.note})` : "";
  return [
    `Messages and labels were kept in the memory of one process${why}: the labels are gone, and another run has to pay for them again.`,
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}
