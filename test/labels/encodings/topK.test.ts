import { describe, expect, it } from "vitest";
import { decodeRow, decodeStored, encodeLogits, firstFault } from "../../../shared/labels/encoding.ts";
import { UndeclaredTemperature } from "../../../shared/labels/encodings/topK.ts";
import { PLAIN_READING, type Reading } from "../../../shared/labels/reading.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber } from "../../helpers/golden.ts";

function softmax(logits: ArrayLike<number>, T: number): number[] {
  const all = Array.from(logits);
  const max = Math.max(...all);
  const exps = all.map((z) => Math.exp((z - max) / T));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((e) => e / sum);
}

function kl(p: readonly number[], q: readonly number[]): number {
  return p.reduce((sum, pi, i) => sum + (pi > 0 ? pi * Math.log(pi / (q[i] as number)) : 0), 0);
}

const top2 = { kind: "top-k", k: 2, temperatures: [1, 4] } as const;

describeWithGoldens("top-2 of 6 classes", () => {
  // All differences are numbers of half precision, so float32 of the tail is all that rounds.
  const teacher = Float32Array.from(goldenMatrix("topk.teacher_logits")[0] ?? []);
  const student = goldenMatrix("topk.student_logits")[0] ?? [];
  const bytes = encodeLogits({ ...top2, temperatures: [...top2.temperatures] }, teacher, 6, "it");
  const read = (reading: Partial<Reading>): Float32Array => {
    const out = new Float32Array(6);
    decodeRow({ ...top2, temperatures: [1, 4] }, bytes, 0, 6, out, 0, { ...PLAIN_READING, ...reading });
    return out;
  };

  it("is ids, halves of d = 0 and -2, and the tails at 1 and 4", () => {
    // 0.0637604481 / 0.8246370616 is what the tail has beside the largest, at T = 1.
    expect([...bytes.subarray(0, 6)]).toEqual([0, 1, 0x00, 0x00, 0x00, 0xc0]);
    const view = new DataView(bytes.buffer);
    expect(view.getFloat32(6, true)).toBeCloseTo(Math.log(0.0637604481 / 0.8246370616), 6);
    // exp(-3/4) + exp(-1) + exp(-5/4) + exp(-3/2) = 0.4723666 + 0.3678794 + 0.2865048 + 0.2231302 = 1.3498810
    expect(view.getFloat32(10, true)).toBeCloseTo(Math.log(1.349881), 6);
    expect(bytes.length).toBe(14);
  });

  it("gives the golden target with a uniform tail, and its divergence from a student", () => {
    const target = softmax(read({}), 1);
    const golden = goldenMatrix("topk.residual_uniform target (FKD/TinyViT)")[0] ?? [];
    target.forEach((p, i) => {
      expect(p).toBeCloseTo(golden[i] as number, 6);
    });
    expect(kl(target, softmax(student, 1))).toBeCloseTo(goldenNumber("topk.residual_uniform KL"), 6);
  });

  it("gives the golden divergence renormalised", () => {
    const target = softmax(read({ tail: "renormalised" }), 1);
    expect(target.slice(2)).toEqual([0, 0, 0, 0]);
    expect(kl(target, softmax(student, 1))).toBeCloseTo(
      goldenNumber("topk.teacher_renorm (DistillKit ZERO / FKD marginal_renorm)"),
      6,
    );
  });

  it("gives the golden divergence of a ghost bucket by the mask of what is stored", () => {
    const target = softmax(read({ tail: "ghost" }), 1);
    const stored = new Float32Array(6);
    decodeStored({ ...top2, temperatures: [1, 4] }, bytes, 0, 6, stored, 0);
    expect([...stored]).toEqual([1, 1, 0, 0, 0, 0]);
    const joined = (p: readonly number[]): number[] => {
      const top = p.filter((_, i) => stored[i] === 1);
      return [...top, 1 - top.reduce((a, b) => a + b, 0)];
    };
    const golden = goldenNumber("topk.ghost_token KL (DistillKit SYMMETRIC_UNIFORM)");
    expect(kl(joined(target), joined(softmax(student, 1)))).toBeCloseTo(golden, 6);
  });

  it("gives the k exactly what they had at every stored temperature", () => {
    for (const temperature of [1, 4]) {
      const target = softmax(read({ temperature }), temperature);
      const dense = softmax(teacher, temperature);
      expect(target[0]).toBeCloseTo(dense[0] as number, 6);
      expect(target[1]).toBeCloseTo(dense[1] as number, 6);
    }
  });

  it("refuses a temperature whose tail is not stored, or takes the nearest tail's logit", () => {
    expect(() => read({ temperature: 3 })).toThrow(UndeclaredTemperature);
    expect(() => read({ temperature: 3 })).toThrow(
      "at temperature 3 as their tails are stored at [1, 4]: expected one of these",
    );
    expect(read({ temperature: 3, undeclared: "uniform" })).toEqual(read({ temperature: 4 }));
    // Twice as much as 1, half of 4: the lower stands first.
    expect(read({ temperature: 2, undeclared: "uniform" })).toEqual(read({ temperature: 1 }));
  });
});

describe("a stored row of top-2", () => {
  // Of 6 classes: numbers, halves of 0 and -2, tails at 1 and 4.
  const encoding = { kind: "top-k", k: 2, temperatures: [1, 4] } as {
    kind: "top-k";
    k: number;
    temperatures: number[];
  };
  const fault = (change: (view: DataView) => void): string | undefined => {
    const bytes = encodeLogits(encoding, Float32Array.of(4, 2, 1, 0, -1, -2), 6, "it");
    change(new DataView(bytes.buffer));
    return firstFault(encoding, 6, bytes);
  };

  it("is refused where a class is none or comes twice, and where numbers cannot be what they are said to", () => {
    expect(fault(() => undefined)).toBeUndefined();
    expect(fault((view) => view.setUint8(1, 6))).toBe("row 0 slot 1 is class 6 of 6");
    expect(fault((view) => view.setUint8(1, 0))).toBe("row 0 class 0 comes twice");
    // 1, after the largest of a row; NaN; less than what comes after it.
    expect(fault((view) => view.setUint16(2, 0x3c00, true))).toBe("row 0 slot 0 is 1 after 0");
    expect(fault((view) => view.setUint16(4, 0x7e00, true))).toBe("row 0 slot 1 is NaN after 0");
    expect(fault((view) => view.setUint16(2, 0xc400, true))).toBe("row 0 slot 1 is -2 after -4");
    // Four classes that are no larger than the largest sum to no more than log 4 = 1.39.
    expect(fault((view) => view.setFloat32(6, 1.4, true))).toMatch(
      /^row 0 the tail at temperature 1 is 1\.39/,
    );
    expect(fault((view) => view.setFloat32(10, Number.NEGATIVE_INFINITY, true))).toBe(
      "row 0 the tail at temperature 4 is -Infinity",
    );
  });
});
