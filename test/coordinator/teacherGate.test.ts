import { describe, expect, it } from "vitest";
import { RunFailed } from "../../coordinator/failures.ts";
import { keptAccuracy, requireReached } from "../../coordinator/teacherGate.ts";
import { TrainedTeacherSpec } from "../../shared/config/teacherSpec.ts";

const curve = (...accuracies: number[]) =>
  accuracies.map((validationAccuracy, i) => ({
    epoch: i + 1,
    trainLoss: 0,
    validationLoss: 0,
    validationAccuracy,
  }));
const spec = (patch: object = {}, train: object = {}) =>
  TrainedTeacherSpec.parse({
    name: "wide",
    model: { arch: "mlp", hidden: [4] },
    train: { epochs: 3, ...train },
    atLeast: { validationAccuracy: 0.9 },
    ...patch,
  });

describe("the gate of a trained teacher", () => {
  it("goes by the weights that were kept: of the last epoch, or of the best", () => {
    expect(keptAccuracy(curve(0.5, 0.95, 0.8), "last")).toBe(0.8);
    expect(keptAccuracy(curve(0.5, 0.95, 0.8), "best")).toBe(0.95);
    const trainings = [{ curve: curve(0.5, 0.95, 0.8) }];
    expect(() => requireReached("r1", spec({}, { keep: "best" }), trainings)).not.toThrow();
    expect(() => requireReached("r1", spec(), trainings)).toThrow(RunFailed);
    expect(() => requireReached("r1", spec(), trainings)).toThrow(
      'Run r1 failed as teacher "wide" has a validation accuracy of 80%: atLeast.validationAccuracy asks for 90%',
    );
  });

  it("lets through what just reaches it, and anything where there is none", () => {
    expect(() => requireReached("r1", spec(), [{ curve: curve(0.9) }])).not.toThrow();
    expect(() => requireReached("r1", spec({ atLeast: undefined }), [{ curve: curve(0.1) }])).not.toThrow();
  });

  it("asks it of every fold, and names the first that fails", () => {
    const folds = [0.95, 0.9, 0.8999].map((accuracy) => ({ curve: curve(accuracy) }));
    expect(() => requireReached("r1", spec({ crossFit: 3 }), folds)).toThrow(
      'fold 3 of teacher "wide" has a validation accuracy of 89.99%',
    );
  });
});
