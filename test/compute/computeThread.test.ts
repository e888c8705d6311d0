import { expect, it } from "vitest";
import type { BackendName } from "../../shared/compute/backendNames.ts";
import { END_MS, startComputeThread } from "../../shared/compute/computeThread.ts";
import { ComputeEnded } from "../../shared/compute/workerRpc.ts";
import { ComputeSpec } from "../../shared/config/spec.ts";
import { TeacherTrainSpec } from "../../shared/config/trainSpec.ts";
import { workerTeacherCompute } from "../../teacher-node/workerCompute.ts";
import { ManualClock } from "../helpers/manualClock.ts";
import { small, smallDataset } from "../helpers/trainers.ts";
import type { TestSide, WorkerSide } from "./endingWorker.ts";

/** A thread, and what tells that it is at work. Time stands still until the test moves it. */
function start() {
  const clock = new ManualClock();
  let tellBegin = (): void => undefined;
  const began = new Promise<void>((resolve) => {
    tellBegin = resolve;
  });
  const module = new URL("./endingWorker.ts", import.meta.url);
  const thread = startComputeThread<WorkerSide, TestSide>(module, {}, { began: () => tellBegin() }, clock);
  return { clock, thread, began };
}

/** How a call of a thread that is gone, or its end, rejects. */
async function rejection(promise: Promise<unknown>): Promise<ComputeEnded> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ComputeEnded);
  return error as ComputeEnded;
}

it("a thread that is closed between its calls of ONNX Runtime ends by itself, and what was asked of it rejects", async () => {
  const { clock, thread, began } = start();
  const call = rejection(thread.call("compute", 512));
  await began;
  await thread.close();
  // Code 1 would be that of `terminate()`.
  expect(await call).toMatchObject({ fields: { code: 0 }, retry: true });
  expect(await rejection(thread.ended)).toBe(await call);
  expect(await rejection(thread.call("compute", 512))).toBe(await call);
  // Nothing is left that would hold up the end of the process.
  expect(clock.waiting).toBe(0);
});

it("a thread that never comes back to its event loop is terminated, and not before its time is over", async () => {
  const { clock, thread, began } = start();
  const call = rejection(thread.call("spin"));
  await began;
  const closing = thread.close();
  await clock.advance(END_MS - 1);
  expect(clock.waiting).toBe(1);
  await clock.advance(1);
  await closing;
  expect(await call).toMatchObject({ fields: { code: 1 } });
});

it("a thread that has failed before is closed without waiting, and so is one that is closed twice", async () => {
  const { clock, thread } = start();
  // It may fail before its answer is on the way.
  thread.call("fail").catch(() => undefined);
  const failed = await rejection(thread.ended);
  expect(failed.message).toBe("The compute thread failed: out of luck");
  await Promise.all([thread.close(), thread.close()]);
  expect(clock.waiting).toBe(0);
});

it("a thread that is closed while it is still starting ends by itself", async () => {
  const { clock, thread } = start();
  await thread.close();
  expect((await rejection(thread.ended)).fields).toEqual({ code: 0 });
  expect(clock.waiting).toBe(0);
});

it.each<BackendName>(["compiled", "wasm"])(
  "a training on %s that is closed on its way ends its thread by itself",
  async (prefer) => {
    const clock = new ManualClock();
    const compute = workerTeacherCompute({ prefer }, clock);
    const data = smallDataset("mlp");
    await compute.openData({ ...data, splits: { ...data.splits, validation: data.splits.train } });
    let tellStep = (): void => undefined;
    const stepped = new Promise<void>((resolve) => {
      tellStep = resolve;
    });
    const training = compute.train(
      {
        checkpoint: null,
        checkpointMs: 1e9,
        name: "long",
        model: small.mlp.arch,
        train: TeacherTrainSpec.parse({ epochs: 10_000_000, batch: 32 }),
        fold: null,
        dataHash: data.hash,
        compute: ComputeSpec.parse({}),
      },
      { onProgress: () => tellStep(), onCheckpoint: async () => undefined },
    );
    const call = rejection(training);
    await Promise.race([stepped, call]);
    await compute.close();
    expect((await call).fields).toEqual({ code: 0 });
    expect(clock.waiting).toBe(0);
  },
);
