import { describe, expect, it } from "vitest";
import { crossChecks } from "../../shared/config/crossChecks.ts";
import { RunSpec } from "../../shared/config/spec.ts";
import { specHash } from "../../shared/config/specHash.ts";
import { definedFor, type Task } from "../../shared/config/tasks.ts";

const base = {
  name: "tasks",
  data: { format: "synthetic" },
  teachers: [
    { name: "ada", model: { arch: "mlp", hidden: [4] }, train: { epochs: 1 } },
    { name: "bea", model: { arch: "mlp", hidden: [4] }, train: { epochs: 1 } },
  ],
  student: { model: { arch: "mlp", hidden: [4] }, train: { epochs: 1 } },
};
const fitting: Record<Task, object> = {
  classification: {},
  "multi-label": {},
  regression: { distill: { loss: { kind: "value-mse" } } },
};

function problemsOf(task: Task, about: object = {}, data: object = {}): string[] {
  const spec = { ...base, ...fitting[task], ...about, data: { ...base.data, task, ...data } };
  return crossChecks(RunSpec.parse(spec)).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("a task takes", () => {
  it.each(Object.keys(fitting) as Task[])("a plain spec of %s", (task) => {
    expect(problemsOf(task)).toEqual([]);
  });

  it("every loss, rule and way to weights that the table has for it", () => {
    for (const task of Object.keys(definedFor) as Task[]) {
      const { losses, rules, weights } = definedFor[task];
      for (const kind of losses) {
        const loss = kind === "logit-mse" ? { kind, centred: task !== "multi-label" } : { kind };
        // Early exits ask for a cnn, which is another matter.
        const problems = problemsOf(task, { distill: { loss } }).filter((one) => /data\.task/.test(one));
        expect(problems, `${task} ${kind}`).toEqual([]);
      }
      for (const rule of rules) expect(problemsOf(task, { ensemble: { rule } })).toEqual([]);
      for (const by of weights) expect(problemsOf(task, { ensemble: { weights: by } })).toEqual([]);
    }
  });
});

describe("what is not defined for a task is refused by name, with what is:", () => {
  it("a loss", () => {
    expect(problemsOf("multi-label", { distill: { loss: { kind: "dkd" } } })).toEqual([
      'distill.loss.kind: "dkd" is not defined for data.task "multi-label"; expected one of [kd, reverse-kl, logit-mse, label-smoothing]',
    ]);
    expect(problemsOf("regression", { distill: { loss: { kind: "kd" } } })).toEqual([
      'distill.loss.kind: "kd" is not defined for data.task "regression"; expected one of [value-mse, teacher-bounded]',
    ]);
    expect(problemsOf("classification", { distill: { loss: { kind: "value-mse" } } })[0]).toMatch(
      /^distill.loss.kind: "value-mse" is not defined for data.task "classification"/,
    );
  });

  it("a term", () => {
    const terms = [{ kind: "kl" }, { kind: "mse" }, { kind: "rkd", feature: "f", layer: "l" }];
    expect(problemsOf("regression", { distill: { terms } })).toEqual([
      expect.stringMatching(/^distill.terms.0.kind: "kl" is not defined for data.task "regression"/),
    ]);
  });

  it("an ensemble's rule, weights and calibration", () => {
    expect(problemsOf("multi-label", { ensemble: { rule: "vote", weights: "inverse-mse" } })).toEqual([
      'ensemble.rule: "vote" is not defined for data.task "multi-label"; expected one of [arithmetic, geometric]',
      'ensemble.weights: "inverse-mse" is not defined for data.task "multi-label"; expected one of [accuracy, log-odds, a list of 2]',
    ]);
    expect(problemsOf("regression", { ensemble: { calibrate: true, weights: "accuracy" } })).toEqual([
      expect.stringMatching(/^ensemble.weights: "accuracy" is not defined/),
      'ensemble.calibrate: true, and data.task "regression" has no probabilities to calibrate; expected false',
    ]);
    expect(problemsOf("regression", { ensemble: { rule: "median", weights: [1, 2] } })).toEqual([
      'ensemble.weights: given, and ensemble.rule "median" counts all teachers alike; expected none',
    ]);
    expect(problemsOf("classification", { ensemble: { rule: "median" } })[0]).toMatch(/^ensemble.rule/);
  });

  it("what a student learns from itself, and a quorum", () => {
    expect(problemsOf("regression", { distill: { loss: { kind: "mean-teacher" } } })[0]).toMatch(
      /^distill.loss.kind: "mean-teacher" is not defined for data.task "regression"/,
    );
    expect(problemsOf("multi-label", { ensemble: { quorum: { teachers: 1 } } })).toEqual([
      'ensemble.quorum: given, and data.task "multi-label" needs the labels of every teacher; expected "all"',
    ]);
  });

  it("a run without teachers, and teachers that know a part of the classes", () => {
    const terms = [{ kind: "mse" }];
    expect(problemsOf("regression", { teachers: [], distill: { terms } })).toEqual([
      'teachers: none, and a run of data.task "regression" is measured against its teachers; expected one at least',
    ]);
    const model = { format: "onnx", path: "a.onnx", output: "logits" };
    const teachers = [{ name: "ada", model, classes: [0, 1] }];
    expect(problemsOf("multi-label", { teachers })).toContainEqual(
      expect.stringMatching(
        /^teachers.0.classes: given, and data.task "multi-label" has teachers that know all of its outputs/,
      ),
    );
  });

  it("a centred difference of logits in multi-label, where each class has a probability of its own", () => {
    const refused = /"logit-mse", which takes each row's mean off .* expected it with centred: false$/;
    expect(problemsOf("multi-label", { distill: { loss: { kind: "logit-mse" } } })).toEqual([
      expect.stringMatching(new RegExp(`^distill.loss.kind: ${refused.source}`)),
    ]);
    const terms = [{ kind: "kl" }, { kind: "logit-mse", centred: true }];
    expect(problemsOf("multi-label", { distill: { terms } })).toEqual([
      expect.stringMatching(new RegExp(`^distill.terms.1.kind: ${refused.source}`)),
    ]);
  });

  it("Huber's losses of several deltas, of which the student alone would have one", () => {
    const terms = [{ kind: "value-mse" }, { kind: "huber" }, { kind: "huber", delta: 1 }];
    expect(problemsOf("regression", { distill: { terms } })).toEqual([]);
    const several = [...terms, { kind: "huber", delta: 0.5 }];
    expect(problemsOf("regression", { distill: { terms: several } })).toEqual([
      'distill.terms.3.kind: "huber" with delta 0.5, and distill.terms[1] has delta 1: the student alone, which is trained too, has one; expected the same delta, or baseline: false',
    ]);
    expect(problemsOf("regression", { distill: { terms: several }, baseline: false })).toEqual([]);
  });

  it("data that tells one class, and keys that go by one class or by numbers", () => {
    expect(problemsOf("regression", {}, { format: "synthetic", transfer: { without: [0] } })[0]).toMatch(
      /^data.transfer/,
    );
    expect(problemsOf("multi-label", {}, { standardise: false, outputs: 2 })).toEqual([
      expect.stringMatching(/^data.standardise: given/),
      expect.stringMatching(/^data.outputs: given/),
    ]);
    const mnist = RunSpec.parse({ ...base, data: { dataset: "mnist", task: "multi-label" } });
    expect(crossChecks(mnist).map(({ message }) => message)).toEqual([
      '"multi-label", and data.dataset "mnist" tells one class of each sample; expected "classification", or other data',
    ]);
  });

  it("terms of which none says what the outputs should be", () => {
    const inside = { kind: "rkd", feature: "head", layer: "dense_1" };
    expect(problemsOf("regression", { distill: { terms: [inside] } })).toEqual([
      expect.stringMatching(
        /^distill.terms: none tells what the outputs of data.task "regression" should be/,
      ),
    ]);
    expect(problemsOf("regression", { distill: { terms: [inside, { kind: "mse" }] } })).toEqual([]);
  });

  it("a teacher's output, its whole numbers and its gate", () => {
    const model = { format: "onnx", path: "a.onnx", output: "probabilities", quantise: "int8" };
    const teachers = [
      { name: "ada", model },
      { name: "bea", labels: { path: "b.npz", output: "sigmoids" } },
      { ...base.teachers[0], name: "cem", quantise: "int8", atLeast: { validationAccuracy: 0.5 } },
    ];
    expect(problemsOf("regression", { teachers })).toEqual([
      'teachers.0.model.output: "probabilities" is not defined for data.task "regression"; expected one of [values]',
      expect.stringMatching(/^teachers.0.model.quantise/),
      'teachers.1.labels.output: "sigmoids" is not defined for data.task "regression"; expected one of [values]',
      expect.stringMatching(/^teachers.2.quantise/),
      expect.stringMatching(/^teachers.2.atLeast/),
    ]);
  });
});

it("classification written out is the same spec as none", () => {
  const hash = (data: object) => specHash(RunSpec.parse({ ...base, data: { ...base.data, ...data } }));
  expect(hash({ task: "classification" })).toBe(hash({}));
  expect(hash({ task: "multi-label" })).not.toBe(hash({}));
});
