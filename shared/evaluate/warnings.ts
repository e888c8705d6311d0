import type { Report } from "./reportSchema.ts";

type Facts = Pick<Report, "bus" | "teachers" | "ensemble" | "baseline" | "seeds" | "testReads">;

/** What a reader should know before trusting the numbers, one sentence each. */
export function warningsOf(facts: Facts): string[] {
  return [...teacherWarnings(facts), ...studentWarnings(facts), ...busWarnings(facts)];
}

function teacherWarnings({ teachers, ensemble, baseline }: Facts): string[] {
  const warnings: string[] = [];
  const best = teachers.find((teacher) => teacher.name === ensemble.bestTeacher);
  if (teachers.length > 1 && best && ensemble.accuracy <= best.accuracy) {
    warnings.push(
      `The ensemble (${percent(ensemble.accuracy)}) is not better than its best teacher ${best.name} (${percent(best.accuracy)}): that teacher alone may serve as well.`,
    );
  }
  if (baseline && ensemble.accuracy <= baseline.accuracy) {
    warnings.push(
      `The ensemble (${percent(ensemble.accuracy)}) is not better than the student alone (${percent(baseline.accuracy)}): there is no gap to close, and little to learn from it.`,
    );
  }
  for (const teacher of teachers) {
    if (!teacher.outputWasProbabilities) continue;
    warnings.push(
      `Teacher ${teacher.name} gives probabilities, made logits by a floored log: what lay below the floor is lost. Export it with logits if you can.`,
    );
  }
  return warnings;
}

function studentWarnings({ seeds, baseline, testReads }: Facts): string[] {
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

function busWarnings({ bus }: Facts): string[] {
  if (bus.kind === "nats") return [];
  const why = bus.note ? ` (${bus.note})` : "";
  return [
    `Messages and labels were kept in the memory of one process${why}: the labels are gone, and another run has to pay for them again.`,
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}
