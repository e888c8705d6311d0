import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import type { Comparison } from "../../shared/evaluate/comparison.ts";
import { Report, type SeedResult } from "../../shared/evaluate/reportSchema.ts";

/*
 * Makes result.json of the reports of the runs that README.md lists:
 *   npx tsx examples/hinton-mnist/collect.ts runs
 */
const TEST_SAMPLES = 10_000;
const THREES = 1_010;
const THREE = 3;

function trainedOnce({ keptEpoch, ...result }: SeedResult, seed: number) {
  const { accuracy, perClassAccuracy, curve, weightsHash, seconds, correctedBias } = result;
  const kept = curve.find(({ epoch }) => epoch === keptEpoch);
  return {
    seed,
    testErrors: wrong(accuracy, TEST_SAMPLES),
    testErrorsOnThrees: wrong(perClassAccuracy[THREE] ?? 0, THREES),
    validationAccuracy: correctedBias?.at(-1)?.validationAccuracy ?? kept?.validationAccuracy,
    ...(correctedBias && { addedToTheBiasOfThrees: correctedBias[0]?.added }),
    weightsHash,
    trainSeconds: Math.round(seconds),
  };
}

/** The students of a run, and their mean. */
function trainings({ seeds }: Report) {
  const each = seeds.map(({ student, seed }) => trainedOnce(student, seed));
  const mean = each.reduce((sum, { testErrors }) => sum + testErrors, 0) / each.length;
  return { meanTestErrors: Math.round(10 * mean) / 10, seeds: each };
}

function wrong(accuracy: number, of: number): number {
  return Math.round((1 - accuracy) * of);
}

/** What validation said of each variant; what the test split says of them is not looked at. */
function tuning(folder: string) {
  const { variants, chosen } = JSON.parse(
    readFileSync(join(folder, "comparison.json"), "utf8"),
  ) as Comparison;
  return {
    chosen: variants[chosen]?.name,
    variants: variants.map(({ name, validation }) => ({ name, validationAccuracy: validation })),
  };
}

function reportIn(...path: string[]): Report {
  return Report.parse(JSON.parse(readFileSync(join(...path, "report.json"), "utf8")));
}

function versions(): Record<string, string> {
  const root = new URL("../../", import.meta.url);
  const of = (folder: string): string =>
    (JSON.parse(readFileSync(new URL(`${folder}package.json`, root), "utf8")) as { version: string }).version;
  return {
    stillhouse: of(""),
    node: process.version,
    tfjs: of("node_modules/@tensorflow/tfjs/"),
    onnxruntime: of("node_modules/onnxruntime-node/"),
  };
}

/** @param runs the folder that holds the runs' own */
export function collect(runs: string) {
  const main = reportIn(runs, "hinton-mnist");
  const alone = reportIn(runs, "hinton-alone");
  const without = reportIn(runs, "hinton-without-threes", "00-as-written");
  const corrected = reportIn(runs, "hinton-without-threes", "01-correctbias-3");
  const [teacher] = main.teachers;
  if (!teacher) throw new RangeError("The report of hinton-mnist has no teacher");
  const settings = (report: Report) => {
    const { student, distill } = report.spec as {
      student: { model: unknown; train: unknown };
      distill: unknown;
    };
    return { ...student, distill };
  };
  return {
    data: { ...main.data, testErrorsAreOf: TEST_SAMPLES, threesAmongThem: THREES },
    teacher: {
      spec: (main.spec as { teachers: unknown[] }).teachers[0],
      validationAccuracy: teacher.quality.validation.accuracy,
      testErrors: wrong(teacher.accuracy, TEST_SAMPLES),
      identity: teacher.identity,
      trainSeconds: Math.round(reportIn(runs, "hinton-teacher").teachers[0]?.trainSeconds ?? 0),
      parameters: teacher.parameters,
    },
    tuning: {
      alone: tuning(join(runs, "hinton-tune-alone")),
      distilled: tuning(join(runs, "hinton-tune-distilled")),
    },
    alone: { settings: settings(alone), ...trainings(alone) },
    distilled: { settings: settings(main), ...trainings(main) },
    withoutThrees: { settings: settings(without), ...trainings(without) },
    withoutThreesBiasCorrected: trainings(corrected),
    chosenOfTheTwo: tuning(join(runs, "hinton-without-threes")),
    seconds: Object.fromEntries(
      Object.entries({ main, alone, without, corrected }).map(([name, report]) => [
        name,
        Math.round(report.totalSeconds),
      ]),
    ),
    machine: main.machine,
    backends: main.backends,
    versions: versions(),
  };
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, , runs = "runs"] = argv;
  writeFileSync(new URL("./result.json", import.meta.url), `${JSON.stringify(collect(runs), null, 2)}\n`);
}
