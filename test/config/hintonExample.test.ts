import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { planRun } from "../../coordinator/plan.ts";
import { recipesOf } from "../../coordinator/trainedTeacher.ts";
import { loadSpec } from "../../shared/config/load.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { TrainedTeacherSpec } from "../../shared/config/teacherSpec.ts";
import { variantsOf } from "../../shared/config/variants.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { openDataset } from "../../shared/data/open.ts";

const folder = fileURLToPath(new URL("../../examples/hinton-mnist/", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

/** The spec of a file, and its variants where it compares some. */
async function specsIn(file: string): Promise<RunSpec[]> {
  const text = readFileSync(`${folder}${file}`, "utf8");
  const { compare } = parse(text, { merge: true }) as { compare?: unknown };
  if (compare === undefined) return [(await loadSpec(`${folder}${file}`)).spec];
  return variantsOf(text, file).map(({ spec }) => spec);
}

const recipeOf = ({ teachers: [teacher] }: RunSpec): string[] =>
  recipesOf(teacher as TrainedTeacherSpec, "data");

describe("examples/hinton-mnist", () => {
  let main: RunSpec;
  let dataset: Dataset;
  beforeAll(async () => {
    [main] = (await specsIn("spec.yaml")) as [RunSpec];
    dataset = await openDataset(main.data, folder);
  });

  it.each(files)("%s is a spec that plans, with the others' teacher", async (file) => {
    for (const spec of await specsIn(file)) {
      expect(recipeOf(spec)).toEqual(recipeOf(main));
      // Its classes may be fewer for students; the splits are the same.
      expect({ ...spec.data, transfer: undefined }).toEqual({ ...main.data, transfer: undefined });
      const { trainings } = planRun(spec, dataset);
      expect(trainings.filter(({ name }) => name.startsWith("student"))).toHaveLength(
        spec.seeds.length * (spec.baseline ? 2 : 1),
      );
    }
  });

  it("tunes the student alone and the distilled one over the same values", async () => {
    const values = async (file: string) =>
      (await specsIn(file)).map(({ student, seeds }) => ({ student, seeds }));
    expect(await values("tune-alone.yaml")).toEqual(await values("tune-distilled.yaml"));
    expect(await values("tune-alone.yaml")).toHaveLength(3);
  });

  it("compares the student without threes with itself after its bias was corrected", async () => {
    const [plain, corrected] = (await specsIn("without-threes.yaml")) as [RunSpec, RunSpec];
    expect(plain.data.transfer).toEqual({ without: [3] });
    expect(corrected).toEqual({ ...plain, student: { ...plain.student, correctBias: [3] } });
  });

  it("has a result of its own specs, whose settings validation chose", async () => {
    const result = JSON.parse(readFileSync(`${folder}result.json`, "utf8")) as Result;
    // Keys that have come since have defaults.
    expect(main.teachers[0]).toMatchObject(result.teacher.spec);
    expect({ ...main.student, distill: main.distill }).toMatchObject(result.distilled.settings);
    for (const { chosen, variants } of Object.values(result.tuning)) {
      const best = Math.max(...variants.map(({ validationAccuracy }) => validationAccuracy));
      expect(variants.find(({ name }) => name === chosen)?.validationAccuracy).toBe(best);
    }
    for (const { seeds, meanTestErrors } of [result.alone, result.distilled]) {
      const sum = seeds.reduce((all, { testErrors }) => all + testErrors, 0);
      expect(meanTestErrors).toBeCloseTo(sum / seeds.length, 1);
    }
  });
});

interface Trainings {
  meanTestErrors: number;
  seeds: { testErrors: number }[];
}

interface Result {
  teacher: { spec: object };
  tuning: Record<
    "alone" | "distilled",
    { chosen: string; variants: { name: string; validationAccuracy: number }[] }
  >;
  alone: Trainings;
  distilled: Trainings & { settings: object };
}
