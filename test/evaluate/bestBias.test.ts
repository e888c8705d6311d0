import { describe, expect, it } from "vitest";
import { rng } from "../../shared/determinism/rng.ts";
import { bestBias } from "../../shared/evaluate/bestBias.ts";
import { topClasses } from "../../shared/evaluate/softmax.ts";

/** Share of right predictions with so much added to the logit of a class, counted anew. */
function accuracyWith(logits: Float32Array, labels: Int32Array, classes: number, of: number, added: number) {
  const raised = logits.map((value, i) => (i % classes === of ? value + added : value));
  const known = [...labels].filter((label) => label >= 0).length;
  return topClasses(raised, classes).filter((top, i) => top === labels[i]).length / known;
}

describe("the best bias of a class", () => {
  it("lies in the middle of the gaps between which the most predictions are right", () => {
    // Class 2 is 1, 2, 4 and 7 below the largest. Raised by more than 2 it takes the first two, which are its own; by
    // more than 4 it takes one of class 0 as well. At 3, 4 of 5 are right.
    const logits = Float32Array.of(3, 0, 2, 0, 2, 0, 4, 1, 0, 7, 0, 0, 0, 5, 6);
    const labels = Int32Array.of(2, 2, 0, 2, 2);
    expect(bestBias(logits, labels, 3, 2)).toEqual({ added: 3, accuracy: 4 / 5 });
  });

  it("goes by all gaps where every sample is of the class", () => {
    const logits = Float32Array.of(3, 0, 8, 0);
    expect(bestBias(logits, Int32Array.of(1, 1), 2, 1)).toEqual({ added: 9, accuracy: 1 });
  });

  it("is 0 where nothing is gained, though nothing is lost either", () => {
    // Taking both is one gained and one lost.
    const logits = Float32Array.of(1, 0, 1, 0);
    expect(bestBias(logits, Int32Array.of(0, 1), 2, 1)).toEqual({ added: 0, accuracy: 0.5 });
  });

  it("does not count samples without a label", () => {
    // The second alone counts, with its gap of 2: the other gaps have no part in how far behind it the number lies.
    const logits = Float32Array.of(1, 0, 2, 0, 3, 0);
    expect(bestBias(logits, Int32Array.of(-1, 1, -1), 2, 1)).toEqual({ added: 3, accuracy: 1 });
  });

  it("takes a tie as a prediction does, for the lowest class", () => {
    const tie = Float32Array.of(1, 1, 1);
    expect(bestBias(tie, Int32Array.of(0), 3, 0)).toEqual({ added: 0, accuracy: 1 });
    expect(bestBias(tie, Int32Array.of(2), 3, 2)).toEqual({ added: 1, accuracy: 1 });
  });

  it.each([1, 2, 3])("is as good as the best of 4,000 tried one by one (%i)", (seed) => {
    const stream = rng("bias", seed);
    const labels = Int32Array.from({ length: 300 }, () => stream.below(5));
    // Class 3 is thought too rare.
    const logits = Float32Array.from({ length: 1500 }, (_, i) => {
      const [row, k] = [Math.floor(i / 5), i % 5];
      return stream.normal() + (labels[row] === k ? 2 : 0) - (k === 3 ? 1.5 : 0);
    });
    const { added, accuracy } = bestBias(logits, labels, 5, 3);
    expect(accuracyWith(logits, labels, 5, 3, added)).toBeCloseTo(accuracy, 12);
    for (let step = 0; step < 4000; step++) {
      expect(accuracyWith(logits, labels, 5, 3, step / 500)).toBeLessThanOrEqual(accuracy);
    }
    expect(added).toBeGreaterThan(0.5);
  });
});
