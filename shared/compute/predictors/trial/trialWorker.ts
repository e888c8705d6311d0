import { parentPort } from "node:worker_threads";
import { messageOf } from "../../../errors.ts";
import { sizeOf } from "../../compiled/kernels/operators.ts";
import { loadOnnxRuntime, sessionOf } from "../../compiled/session.ts";
import { zeroArrays } from "../onnxZeros.ts";
import type { Trial, TrialEnd } from "./trialMessages.ts";

// The thread of a trial's process that ONNX Runtime holds: its calls give the thread back only when they are done.
parentPort?.on("message", async (trial: Trial) => {
  const end = await run(trial).catch((error): TrialEnd => ({ kind: "failed", why: messageOf(error) }));
  parentPort?.postMessage(end);
});

async function run({ bytes, runs }: Trial): Promise<TrialEnd> {
  const { Tensor } = await loadOnnxRuntime();
  let session: Awaited<ReturnType<typeof sessionOf>>;
  try {
    session = await sessionOf(bytes, { threads: 1, spinning: false });
  } catch (error) {
    return { kind: "refused", why: messageOf(error) };
  }
  try {
    for (const inputs of runs) {
      const feeds = inputs.map(({ name, dtype, shape }) => {
        const [type, Values] = zeroArrays[dtype as keyof typeof zeroArrays];
        return [name, new Tensor(type as "float32", new Values(sizeOf(shape)) as Float32Array, shape)];
      });
      await session.run(Object.fromEntries(feeds));
    }
    return { kind: "passed" };
  } finally {
    await session.release();
  }
}
