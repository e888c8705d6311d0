import { describe, expect, it } from "vitest";
import type { EnsembleSpec } from "../../shared/config/ensembleSpec.ts";
import { inversePermutation } from "../../shared/data/chunks.ts";
import type { Dataset, Shard } from "../../shared/data/dataset.ts";
import type { KnownClasses } from "../../shared/distill/ensembles/known.ts";
import { type TeacherScales, teacherScales } from "../../student-node/teacherScales.ts";
import { allAtOnce } from "../helpers/allAtOnce.ts";

const ROWS = 40;
/** Of two classes; rows 0 to 39 are validation, of which the even ones calibrate and the odd ones weigh. */
function dataOf(truth: (row: number) => number): Dataset {
  const ids = Uint32Array.from({ length: ROWS }, (_, row) => row);
  return {
    name: "scales",
    hash: "scales",
    inputShape: [1],
    classes: 2,
    inputScale: 1,
    shards: [{ hash: "ab".repeat(16), rows: ROWS, inputs: new Float32Array(ROWS) }],
    labels: [Int32Array.from(ids, truth)],
    splits: { train: new Uint32Array(), validation: ids, test: new Uint32Array() },
  };
}

interface Teacher {
  /** Its logit of class 1, that of class 0 being 0. */
  readonly says: (row: number) => number;
  /** Whether the run uses what it said of a row. */
  readonly has?: (row: number) => boolean;
}

function scalesOf(
  dataset: Dataset,
  about: Partial<EnsembleSpec>,
  teachers: readonly Teacher[],
  known?: readonly KnownClasses[],
): Promise<TeacherScales> {
  const { hash, rows } = dataset.shards[0] as Shard;
  const order = inversePermutation(hash, rows);
  const rowAt = (place: number): number => order.indexOf(place);
  return teacherScales(
    { rule: "arithmetic", calibrate: false, quorum: { teachers: 1, deadlineS: 30 }, ...about },
    teachers.length,
    dataset,
    {
      has: (teacher, _, place) => teachers[teacher]?.has?.(rowAt(place)) ?? true,
      read(teacher, _, place, out, at): void {
        out.set([0, teachers[teacher]?.says(rowAt(place)) as number], at * 2);
      },
      inBlocks: allAtOnce,
    },
    known,
  );
}

const right = (row: number): number => (classOf(row) === 1 ? 1 : -1);
/** Both classes in both halves. */
const classOf = (row: number): number => (row % 4 < 2 ? 1 : 0);

describe("a teacher that is late with validation", () => {
  it("keeps temperature 1 and has the others' mean weight", async () => {
    // The second is right of one odd row in two: 0.5. The first is always right, which counts as 19.5 of 20.
    const half: Teacher = { says: (row) => (row % 8 < 4 ? right(row) : -right(row)) };
    const { temperatures, weights } = await scalesOf(
      dataOf(classOf),
      { calibrate: true, weights: "accuracy" },
      [{ says: right }, half, { says: right, has: () => false }],
    );
    const of = [19.5 / 20, 0.5, (19.5 / 20 + 0.5) / 2];
    const sum = of.reduce((a, b) => a + b);
    of.forEach((one, k) => {
      expect(weights[k]).toBeCloseTo(one / sum, 12);
    });
    expect(temperatures[2]).toBe(1);
  });

  it("keeps temperature 1 when all that it has labelled of it has no true label", async () => {
    // The first four even rows are of unknown class, and the late teacher has labelled them alone.
    const data = dataOf((row) => (row < 8 ? -1 : classOf(row)));
    const late: Teacher = { says: (row) => 3 * right(row), has: (row) => row < 8 };
    const { temperatures } = await scalesOf(data, { calibrate: true }, [{ says: right }, late]);
    expect(temperatures[0]).not.toBe(1);
    expect(temperatures[1]).toBe(1);
  });

  it("is told from data without labels: when all are late the error says so, and what helps", async () => {
    const late: Teacher = { says: right, has: () => false };
    await expect(scalesOf(dataOf(classOf), { weights: "log-odds" }, [late, late])).rejects.toThrow(
      /Cannot weigh 2 teachers by log-odds as none of them has labelled a validation sample .* ensemble\.quorum\.deadlineS/,
    );
    const { temperatures } = await scalesOf(dataOf(classOf), { calibrate: true }, [late, late]);
    expect(temperatures).toEqual([1, 1]);
  });
});

describe("a half of validation without a true label", () => {
  const unknown = (odd: number) => dataOf((row) => (row % 2 === odd ? -1 : classOf(row)));

  it("neither calibrates nor weighs, whatever the teachers know", async () => {
    for (const known of [undefined, [[0, 1]]]) {
      await expect(scalesOf(unknown(0), { calibrate: true }, [{ says: right }], known)).rejects.toThrow(
        /Cannot calibrate teachers on 20 validation samples as none of them has a label: raise data\.validation/,
      );
      await expect(scalesOf(unknown(1), { weights: "accuracy" }, [{ says: right }], known)).rejects.toThrow(
        /Cannot weigh teachers on 20 validation samples as none of them has a label/,
      );
    }
  });

  it("is no matter where it is not needed", async () => {
    const weightsOf = async (...of: Parameters<typeof scalesOf>) => (await scalesOf(...of)).weights;
    expect(await weightsOf(unknown(0), { weights: "accuracy" }, [{ says: right }])).toEqual([1]);
    expect(await weightsOf(unknown(1), { weights: [2] }, [{ says: right }])).toEqual([2]);
  });
});
