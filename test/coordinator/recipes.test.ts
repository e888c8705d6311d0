import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { recipesOf } from "../../coordinator/trainedTeacher.ts";
import { loadSpec } from "../../shared/config/load.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { TrainedTeacherSpec } from "../../shared/config/teacherSpec.ts";

const load = async (path: string): Promise<RunSpec> =>
  (await loadSpec(fileURLToPath(new URL(`../../${path}`, import.meta.url)))).spec;
const trained = ({ teachers }: RunSpec): TrainedTeacherSpec[] =>
  teachers.flatMap((teacher) => ("train" in teacher ? [teacher] : []));

describe("the recipes of teachers", () => {
  // Written down before maxNorm, augment and atLeast were keys: a key that is absent must not be part of what trained
  // teachers are found by.
  it("of the demo are what they were before keys were added that it lacks", async () => {
    const spec = await load("examples/mnist/spec.yaml");
    expect(trained(spec).flatMap((teacher) => recipesOf(teacher, "0".repeat(32)))).toEqual([
      "7d25d9c9f37b1ff941bdeb13a9efcf4e",
      "6b3c513e929b2c69d9594cd94c8f271e",
      "71bcb363bcbdb29914d9924cd7282346",
    ]);
  });

  it("change with how a teacher is trained, and not with what is asked of it then", async () => {
    const [teacher] = trained(await load("examples/mnist/spec.yaml")) as [TrainedTeacherSpec];
    const recipe = (patch: Partial<TrainedTeacherSpec>) => recipesOf({ ...teacher, ...patch }, "data").join();
    const plain = recipe({});
    expect(recipe({ train: { ...teacher.train, maxNorm: 3 } })).not.toBe(plain);
    expect(recipe({ train: { ...teacher.train, augment: { shift: 2 } } })).not.toBe(plain);
    expect(recipe({ atLeast: { validationAccuracy: 0.99 } })).toBe(plain);
  });
});
