import { describe, expect, it } from "vitest";
import { crossChecks } from "../../shared/config/crossChecks.ts";
import { pathText } from "../../shared/config/locate.ts";
import { RunSpec } from "../../shared/config/spec.ts";
import { specHash } from "../../shared/config/specHash.ts";

const teacher = { name: "t", model: { arch: "mlp", hidden: [4] }, train: { epochs: 1 } };
const shifts = { count: 4, recipe: [{ kind: "shift", pixels: 2 }] };
const mixtures = { count: 4, recipe: [{ kind: "flip" }, { kind: "mixup" }] };
const answersAlone = { loss: { kind: "kd", alpha: 1 } };

/** A run on MNIST, with parts of one's own. */
const specOf = (patch: object) =>
  RunSpec.parse({
    name: "views",
    data: { dataset: "mnist" },
    teachers: [teacher],
    student: { model: { arch: "mlp", hidden: [2] }, train: { epochs: 1 } },
    ...patch,
  });
function problems(patch: object): string[] {
  return crossChecks(specOf(patch)).map(({ path, message }) => `${pathText(path)}: ${message}`);
}

describe("views are refused, with what is expected,", () => {
  it("where there is nothing but the sample itself", () => {
    expect(problems({ views: { ...shifts, count: 1 } })).toEqual([
      'views.count: 1, which is the sample itself and nothing else; expected 2 or more, "fresh", or no views',
    ]);
    expect(problems({ views: { ...shifts, count: 2 } })).toEqual([]);
  });

  it("where fresh ones would not wait for late teachers", () => {
    const ensemble = { quorum: { teachers: 1 } };
    expect(problems({ views: { ...shifts, count: "fresh" }, ensemble })).toEqual([
      'views.count: "fresh", whose labels are each used in one epoch, and ensemble.quorum goes on without late ones, which would never be used; expected a number, or ensemble.quorum: all',
    ]);
    expect(problems({ views: { ...shifts, count: "fresh" } })).toEqual([]);
    expect(problems({ views: shifts, ensemble })).toEqual([]);
  });

  it("where a window is asked for, and labels stay", () => {
    const why = "whose labels stay; expected none, or fresh views that are labelled";
    expect(problems({ views: { ...shifts, window: 2 } })).toEqual([
      `views.window: given, and views.count is 4, ${why}`,
    ]);
    const fresh = { ...shifts, count: "fresh", window: 2 };
    expect(problems({ views: { ...fresh, teacher: "plain" } })).toEqual([
      `views.window: given, and views.teacher is "plain", ${why}`,
    ]);
    expect(problems({ views: fresh })).toEqual([]);
  });

  it("where labels were made of the samples themselves", () => {
    const teachers = [teacher, { name: "bought", labels: { path: "labels.npz" } }];
    expect(problems({ teachers, views: shifts })).toEqual([
      'views.teacher: "same", and the labels of teacher "bought" are of the samples themselves; expected "plain"',
    ]);
    expect(problems({ teachers, views: { ...shifts, teacher: "plain" } })).toEqual([]);
  });

  it("where steps for images meet token ids, or lists of numbers, and the reverse", () => {
    const drop = { kind: "token-drop", probability: 0.1 };
    const npz = { format: "npz", train: "train.npz", test: "test.npz" };
    const student = { model: { arch: "transformer", vocabulary: 9 }, train: { epochs: 1 } };
    const recipe = [drop, { kind: "noise", deviation: 0.1 }];
    expect(problems({ data: npz, student, views: { count: 2, recipe } })).toEqual([
      'views.recipe[1].kind: "noise", and student.model.arch "transformer" takes token ids; expected "token-drop"',
    ]);
    expect(problems({ data: npz, student, views: { count: 2, recipe: [drop] } })).toEqual([]);
    expect(problems({ views: { count: 2, recipe: [drop] } })).toEqual([
      'views.recipe[0].kind: "token-drop", and student.model.arch "mlp" takes no token ids; expected another step',
    ]);
    const synthetic = { format: "synthetic" };
    expect(problems({ data: synthetic, views: { count: 2, recipe: [{ kind: "flip" }] } })).toEqual([
      'views.recipe[0].kind: "flip", and data.format "synthetic" gives lists of numbers; expected "noise", "gain" or "mixup"',
    ]);
    const numbers = { count: 2, recipe: [{ kind: "gain", decibels: 1 }] };
    expect(problems({ data: synthetic, views: numbers })).toEqual([]);
  });
});

it("a step that never changes anything is refused", () => {
  const step = { kind: "spec-augment", bands: 4, bandMasks: 0, frames: 0 };
  expect(problems({ views: { count: 2, recipe: [step] } })).toEqual([
    'views.recipe[0].kind: "spec-augment", and its masks are all of nothing; expected bands or frames, and masks of them, above 0',
  ]);
  expect(problems({ views: { count: 2, recipe: [{ ...step, frames: 1 }] } })).toEqual([]);
});

describe("mixtures are refused, as a mixture has no one label,", () => {
  const why = 'views.recipe[1] "mixup" mixes samples: a mixture has no one label; expected';

  it("with losses and terms of true labels, and taken with teachers' answers alone", () => {
    expect(problems({ views: mixtures })).toEqual([
      `distill.loss: "cross-entropy" learns from true labels, and ${why} a loss of teachers alone, as kd with alpha: 1, or no mixup`,
    ]);
    const terms = [{ kind: "kl" }, { kind: "dkd" }];
    expect(problems({ views: mixtures, distill: { terms } })).toEqual([
      `distill.terms[1].kind: "dkd" learns from true labels, and ${why} another term, or no mixup`,
    ]);
    expect(problems({ views: mixtures, distill: answersAlone })).toEqual([]);
    expect(problems({ views: mixtures, distill: { terms: [{ kind: "kl" }] } })).toEqual([]);
  });

  it("with whatever else goes by the label of a sample, or may not see its partner", () => {
    const of = (patch: object) => problems({ views: mixtures, distill: answersAlone, ...patch });
    expect(of({ views: { ...mixtures, teacher: "plain" } })).toEqual([
      `views.teacher: "plain", and ${why} "same", or no mixup`,
    ]);
    expect(of({ ensemble: { rule: "ca-mkd" } })).toContainEqual(
      `ensemble.rule: "ca-mkd" weighs teachers by the true label, and ${why} another rule, or no mixup`,
    );
    expect(of({ ensemble: { quorum: { teachers: 1 } } })).toEqual([
      `ensemble.quorum: given, by which students fall back to true labels, and ${why} "all", or no mixup`,
    ]);
    expect(of({ data: { dataset: "mnist", transfer: { without: [3] } } })).toEqual([
      'data.transfer: given, and views.recipe[1] "mixup" takes partners from the whole training split, which students are not to see; expected none, or no mixup',
    ]);
    expect(of({ teachers: [{ ...teacher, crossFit: 2 }] })).toEqual([
      'teachers[0].crossFit: given, and views.recipe[1] "mixup" takes partners from every fold, which a fold\'s teacher has seen; expected none, or no mixup',
    ]);
  });
});

it("a spec without views keeps its hash, and one with them has another", () => {
  expect(specHash(specOf({ views: undefined }))).toBe(specHash(specOf({})));
  expect(specHash(specOf({ views: shifts }))).not.toBe(specHash(specOf({})));
});
