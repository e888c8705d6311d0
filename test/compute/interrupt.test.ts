import { describe, expect, it } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../shared/compute/checkpoint.ts";
import { isInterrupted, TrainingInterrupted } from "../../shared/compute/interrupted.ts";
import { labelObjective } from "../../shared/compute/labelObjective.ts";
import { type TrainLoopOptions, trainLoop } from "../../shared/compute/trainLoop.ts";
import { WorkerError } from "../../shared/compute/workerRpc.ts";
import { StudentSpec } from "../../shared/config/spec.ts";
import { buildModel } from "../../shared/model/build.ts";
import { readWeights, weightsHash } from "../../shared/model/weights.ts";
import { expectNoLeakAsync } from "../helpers/tensors.ts";
import { CLASSES, settings, small, smallDataset } from "../helpers/trainers.ts";

/** 2 epochs of 5 steps. */
const STEPS = 10;

interface Told {
  resume?: Uint8Array;
  /** After this step it is told to end. */
  endAfter?: number;
  checkpointSteps?: number;
  ready?: TrainLoopOptions["ready"];
  isInterrupted?(): boolean;
}

async function train({ resume, endAfter, checkpointSteps = 1000, ready, isInterrupted }: Told = {}) {
  const whole = smallDataset("mlp");
  const { train } = whole.splits;
  const splits = { train: train.slice(0, 80), validation: train.slice(80), test: new Uint32Array() };
  const dataset = { ...whole, splits };
  const student = StudentSpec.parse({
    model: small.mlp.arch,
    train: { epochs: 2, batch: 16, optimizer: { kind: "adam", lr: 0.01 } },
  });
  const model = buildModel(student.model, dataset.inputShape, CLASSES, ["small"]);
  const states = new Map<number, Uint8Array>();
  let [steps, saves] = [0, 0];
  try {
    const { curve } = await trainLoop({
      model,
      dataset,
      train: student.train,
      maskSeed: ["small"],
      batchesOf: (epoch) =>
        Array.from({ length: 5 }, (_, s) => ({ ids: splits.train.filter((_, i) => (i + epoch) % 5 === s) })),
      objective: labelObjective(dataset),
      compute: settings("compiled"),
      ...(ready && { ready }),
      resume: resume && decodeCheckpoint(resume),
      isCheckpointDue: (step) => {
        steps = step;
        return step % checkpointSteps === 0;
      },
      onCheckpoint: async (state) => {
        saves++;
        states.set(state.step, encodeCheckpoint(state));
      },
      isInterrupted: isInterrupted ?? (() => endAfter !== undefined && steps >= endAfter),
      onProgress: () => undefined,
      now: () => performance.now(),
    });
    return { hash: weightsHash(readWeights(model)), curve, states, saves, error: undefined };
  } catch (error) {
    return { hash: undefined, curve: [], states, saves, error };
  } finally {
    model.dispose();
  }
}

describe("a training that is told to end", () => {
  it.each([1, 4, 5, 9])(
    "after step %i stores a checkpoint, from which another gives the same bits",
    async (step) => {
      const unbroken = await train();
      const ended = await train({ endAfter: step });
      expect(ended.error).toBeInstanceOf(TrainingInterrupted);
      expect((ended.error as Error).message).toBe(
        `The training was told to end after step ${step} of ${STEPS}`,
      );
      expect([...ended.states.keys()]).toEqual([step]);
      const resumed = await train({ resume: ended.states.get(step) as Uint8Array });
      expect(resumed.hash).toBe(unbroken.hash);
      expect(resumed.curve).toEqual(unbroken.curve);
    },
  );

  it("stores none twice: at a step at which one is due, and at the one that it came from", async () => {
    const due = await train({ endAfter: 4, checkpointSteps: 4 });
    expect([due.saves, [...due.states.keys()]]).toEqual([1, [4]]);
    const waiting = await train({
      resume: due.states.get(4) as Uint8Array,
      ready: () => Promise.reject(new Error("no labels any more")),
      isInterrupted: () => true,
    });
    expect(waiting.error).toBeInstanceOf(TrainingInterrupted);
    expect(waiting.saves).toBe(0);
  });

  it("while it waits for labels stores the step that it had come to", async () => {
    let told = false;
    const ended = await train({
      ready: (epoch, batch) => {
        if (epoch === 0 && batch < 3) return undefined;
        told = true;
        return Promise.reject(new Error("no labels any more"));
      },
      isInterrupted: () => told,
    });
    expect(ended.error).toBeInstanceOf(TrainingInterrupted);
    expect([...ended.states.keys()]).toEqual([3]);
    expect((await train({ resume: ended.states.get(3) as Uint8Array })).hash).toBe((await train()).hash);
  });

  it("fails as ever where a wait fails and nobody told it to", async () => {
    const failed = await train({ ready: () => Promise.reject(new Error("no labels any more")) });
    expect((failed.error as Error).message).toBe("no labels any more");
    expect(failed.saves).toBe(0);
  });

  it("at its last step comes to its end", async () => {
    const done = await train({ endAfter: STEPS });
    expect(done.error).toBeUndefined();
    expect(done.hash).toBe((await train()).hash);
  });

  it("leaves no tensor behind", async () => {
    await expectNoLeakAsync(async () => void (await train({ endAfter: 3 })));
  });

  it("is known by its name on the other side of a thread", () => {
    const there = new TrainingInterrupted("told to end", { retry: true });
    const { name, message, retry } = there;
    expect(isInterrupted(new WorkerError({ name, message, retry, stack: undefined, fields: {} }))).toBe(true);
    expect(isInterrupted(new Error("told to end"))).toBe(false);
  });
});
