import { describe, expect, it } from "vitest";
import { planRun } from "../../coordinator/plan.ts";
import { crossChecks } from "../../shared/config/crossChecks.ts";
import { pathText } from "../../shared/config/locate.ts";
import { RunSpec } from "../../shared/config/spec.ts";
import { openDataset } from "../../shared/data/open.ts";
import { smallSpec } from "../helpers/smallRun.ts";

/** A run on MNIST, with parts of one's own. */
function problems(patch: object): string[] {
  const spec = RunSpec.parse({
    name: "self",
    data: { dataset: "mnist" },
    teachers: [{ name: "t", model: { arch: "mlp", hidden: [4] }, train: { epochs: 1 } }],
    student: { model: { arch: "mlp", hidden: [2] }, train: { epochs: 1 } },
    ...patch,
  });
  return crossChecks(spec).map(({ path, message }) => `${pathText(path)}: ${message}`);
}
const student = (model: object) => ({ student: { model, train: { epochs: 1 } } });
const cnn = { arch: "cnn", channels: [4, 4] };
const labels = { kind: "cross-entropy" };

describe("terms of a student's own are refused, with what is expected,", () => {
  it("where not all students that hear each other could be trained at once", () => {
    expect(problems({ distill: { loss: { kind: "dml" } } })).toEqual([
      "nodes.studentWorkers: 2, and the 3 students of seeds wait for each other (distill.loss); expected 3 or more, so that all are trained at once",
    ]);
    expect(problems({ distill: { loss: { kind: "dml" } }, nodes: { studentWorkers: 3 } })).toEqual([]);
    expect(problems({ distill: { terms: [labels, { kind: "peers" }] }, seeds: [1] })).toEqual([
      "distill.terms[1]: peers are the students of other seeds, and seeds has one; expected two or more",
    ]);
  });

  it("where a rule has no teachers to combine", () => {
    const alone = { teachers: [], distill: { loss: { kind: "label-smoothing" } } };
    expect(problems(alone)).toEqual([]);
    expect(problems({ ...alone, ensemble: { rule: "random" } })).toEqual([
      'ensemble.rule: "random", and teachers has none to combine; expected no such key',
    ]);
  });

  it("where there are no convolutions for early exits, or not so many", () => {
    const loss = { kind: "byot" };
    expect(problems({ distill: { loss } })).toEqual([
      'distill.loss: early exits are after convolutions, and student.model.arch is "mlp"; expected cnn or separable',
    ]);
    expect(problems({ distill: { loss }, ...student(cnn) })).toEqual([]);
    expect(problems({ distill: { loss: { ...loss, exits: [1, 3, 1] } }, ...student(cnn) })).toEqual([
      'distill.loss.exits[1]: 3, and student.model.arch is "cnn"; expected 1 to 2',
      "distill.loss.exits[2]: 1 again; expected another",
    ]);
    const shallow = { arch: "separable", blocks: [{ channels: 4 }] };
    expect(problems({ distill: { loss }, ...student(shallow) })[0]).toMatch(
      /^distill.loss.exits: student.model.arch is "separable" with a single block/,
    );
  });

  it("where nothing says what is right, or one of them is there twice", () => {
    expect(problems({ distill: { terms: [{ kind: "mean-teacher" }] } })).toEqual([
      "distill.terms: [mean-teacher] alone do not tell the student what is right; expected a term of labels or teachers beside them, as cross-entropy",
    ]);
    expect(problems({ distill: { terms: [{ kind: "ps-kd" }, { kind: "ps-kd", alpha: 0.5 }] } })).toEqual([
      'distill.terms[1].kind: "ps-kd" again; expected it once',
    ]);
    expect(problems({ distill: { loss: { kind: "ps-kd" } } })).toEqual([]);
  });
});

describe("the plan", () => {
  it("counts what a student remembers", async () => {
    const spec = smallSpec({
      seeds: [1, 2, 3],
      nodes: { teachers: 1, studentWorkers: 3 },
      distill: { terms: [{ kind: "ps-kd" }, { kind: "mean-teacher" }, { kind: "peers" }] },
    });
    const { insideBytes } = planRun(spec, await openDataset(spec.data, ""));
    // 180 samples of 4 classes: 8 bytes and one each. 64 parameters of 4 bytes, once, and of two peers.
    expect(insideBytes.map(({ memory }) => memory)).toEqual([180 * 9, 256, 512]);
    const tight = { ...spec, student: { ...spec.student, maxTermBytes: 2000 } };
    const dataset = await openDataset(spec.data, "");
    expect(() => planRun(tight, dataset)).toThrow(
      /student.maxTermBytes is 2000.*ps-kd: answers by sample 1620/,
    );
  });
});
