import { beforeAll, describe, expect, it } from "vitest";
import { augmentInputs, requireShiftable, shiftOf } from "../../shared/compute/augmentInputs.ts";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { trainingInputs } from "../../shared/compute/trainingInputs.ts";
import { gatherInputs } from "../../shared/data/gather.ts";
import { type Shift, shiftImage } from "../../shared/data/shiftImage.ts";
import { weightsHash } from "../../shared/model/weights.ts";
import { expectClose, expectNoLeakAsync } from "../helpers/tensors.ts";
import { settings, smallDataset, smallTraining } from "../helpers/trainers.ts";

describe("an image that is moved", () => {
  const moved = (from: number[], shape: [number, number, number], shift: Shift): number[] => {
    const to = new Float32Array(from.length).fill(Number.NaN);
    shiftImage(Float32Array.from(from), shape, shift, to);
    return [...to];
  };
  // Two rows of three pixels.
  const image = [1, 2, 3, 4, 5, 6];

  it.each<[string, Shift, number[]]>([
    ["by nothing is itself", { down: 0, right: 0 }, [1, 2, 3, 4, 5, 6]],
    ["down has a row of zeros above", { down: 1, right: 0 }, [0, 0, 0, 1, 2, 3]],
    ["up has one below", { down: -1, right: 0 }, [4, 5, 6, 0, 0, 0]],
    ["to the right has zeros on the left", { down: 0, right: 1 }, [0, 1, 2, 0, 4, 5]],
    ["to the left by two keeps its last column", { down: 0, right: -2 }, [3, 0, 0, 6, 0, 0]],
    ["on both axes keeps a corner", { down: 1, right: -1 }, [0, 0, 0, 2, 3, 0]],
    ["out of the frame is gone", { down: -2, right: 0 }, [0, 0, 0, 0, 0, 0]],
    ["out of the frame sideways is gone too", { down: 0, right: 5 }, [0, 0, 0, 0, 0, 0]],
  ])("%s", (_, shift, expected) => {
    expect(moved(image, [2, 3, 1], shift)).toEqual(expected);
  });

  it("moves all channels of a pixel together", () => {
    expect(moved([1, 10, 2, 20, 3, 30], [1, 3, 2], { down: 0, right: 1 })).toEqual([0, 0, 1, 10, 2, 20]);
  });
});

describe("a drawn shift", () => {
  it("takes every pair of -2 to 2 about equally often", () => {
    const of = shiftOf(["teacher"], 3, 2);
    const seen = new Map<string, number>();
    for (let id = 0; id < 25_000; id++) {
      const { down, right } = of(id);
      const key = `${down},${right}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(25);
    // Each is expected 1,000 times with a standard deviation of 31.
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * 31);
  });

  it("differs by epoch and by seed, and is the same when asked for again", () => {
    const first = (seed: string, epoch: number) =>
      Array.from({ length: 40 }, (_, id) => shiftOf([seed], epoch, 2)(id));
    expect(first("a", 0)).toEqual(first("a", 0));
    expect(first("a", 0)).not.toEqual(first("a", 1));
    expect(first("a", 0)).not.toEqual(first("b", 0));
  });
});

describe("the inputs of a training step", () => {
  const dataset = smallDataset("cnn");
  const options = { dataset, maskSeed: ["small"], stepsPerEpoch: 5, augment: { shift: 2 } };

  it("of a sample are those of its shift, whatever its batch holds beside it", () => {
    const size = 36;
    const alone = trainingInputs(options, 7, { ids: Uint32Array.of(11) });
    const among = trainingInputs(options, 9, { ids: Uint32Array.of(3, 11, 40) });
    expect(among.subarray(size, 2 * size)).toEqual(alone);
    const expected = new Float32Array(size);
    // Steps 5 to 9 are those of epoch 1.
    shiftImage(gatherInputs(dataset, [11]), [6, 6, 1], shiftOf(["small"], 1, 2)(11), expected);
    expect(alone).toEqual(expected);
  });

  it("are the samples themselves without augmentation", () => {
    const ids = Uint32Array.of(3, 11, 40);
    expect(trainingInputs({ dataset, maskSeed: ["small"], stepsPerEpoch: 5 }, 7, { ids })).toEqual(
      gatherInputs(dataset, ids),
    );
  });

  it("are changed where they lie", () => {
    const inputs = Float32Array.from({ length: 9 }, (_, i) => i + 1);
    const ids = Uint32Array.of(5);
    augmentInputs({ shift: 1 }, ["here"], 0, [3, 3, 1], ids, inputs);
    const expected = new Float32Array(9);
    shiftImage(
      Float32Array.from({ length: 9 }, (_, i) => i + 1),
      [3, 3, 1],
      shiftOf(["here"], 0, 1)(5),
      expected,
    );
    expect(inputs).toEqual(expected);
  });
});

describe("a training with shifts", () => {
  const augment = { shift: 1 };

  it("compiled equals the one kernel by kernel, and leaks nothing", async () => {
    const of = async (backend: "wasm" | "compiled") => {
      await chooseBackend({ prefer: backend });
      return expectNoLeakAsync(async () => {
        const { trainer, run, close } = await smallTraining("cnn", settings(backend), { augment });
        for (let step = 0; step < 7; step++) await run(step);
        const weights = trainer.weights();
        await close();
        return weights;
      });
    };
    const compiled = await of("compiled");
    (await of("wasm")).forEach(({ data }, k) => {
      expectClose(compiled[k]?.data as Float32Array, data, 1e-3, 0.1);
    });
  });

  describe("that goes on", () => {
    beforeAll(async () => {
      await chooseBackend({ prefer: "compiled" });
    });

    it("gives the bits of an unbroken one, and other bits than one without shifts", async () => {
      const start = (overrides = {}) => smallTraining("cnn", settings("compiled"), overrides);
      const unbroken = await start({ augment });
      const first = await start({ augment });
      const second = await start({ augment });
      const plain = await start();
      for (let step = 0; step < 8; step++) {
        await unbroken.run(step);
        await plain.run(step);
      }
      for (let step = 0; step < 4; step++) await first.run(step);
      second.trainer.restore(structuredClone(first.trainer.snapshot()));
      for (let step = 4; step < 8; step++) await second.run(step);
      expect(weightsHash(second.trainer.weights())).toBe(weightsHash(unbroken.trainer.weights()));
      expect(weightsHash(plain.trainer.weights())).not.toBe(weightsHash(unbroken.trainer.weights()));
      for (const { close } of [unbroken, first, second, plain]) await close();
    });
  });
});

describe("shifts are refused", () => {
  it("for samples that are no images, by name and shape", () => {
    expect(() =>
      requireShiftable({ shift: 2 }, { name: "words", inputShape: [64] }, 'teacher "wide"'),
    ).toThrow(/Cannot shift the samples of teacher "wide" .* "words" have the shape \[64\], expected images/);
  });

  it("where an image could leave its frame", () => {
    const images = { name: "small", inputShape: [28, 6, 1] };
    expect(() => requireShiftable({ shift: 6 }, images, "it")).toThrow(/28 x 6; expected less than 6/);
    expect(() => requireShiftable({ shift: 5 }, images, "it")).not.toThrow();
  });
});
