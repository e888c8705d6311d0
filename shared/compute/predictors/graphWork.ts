import type * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../compiled/kernels/operators.ts";
import { type Recording, record } from "../compiled/record.ts";
import { recordedFlops } from "../flops/recordedFlops.ts";
import type { GraphEnds } from "./graphEnds.ts";
import type { InputPlan } from "./modelMapping.ts";

/** Numbers of all inner tensors together: 2 GiB of floats. */
const MOST_NUMBERS = 2 ** 29;
/** A hundred times what the largest image classifiers take. */
const MOST_FLOPS = 1e14;

/**
 * Notes what a graph would compute, without computing it: a file of a few bytes can ask for tensors of any size. What the
 * compiler has no rule for is not known.
 * @throws graph.Refusal
 */
export async function checkWork(
  { kind, Refusal }: GraphEnds,
  run: (inputs: tf.Tensor) => tf.Tensor[],
  { factors }: InputPlan,
  rows: number,
): Promise<void> {
  let recording: Recording;
  try {
    recording = await record(
      (recorder) => {
        const inputs = recorder.input("inputs", { shape: [rows, factors.length], dtype: "float32" });
        return Object.fromEntries(run(inputs).map((tensor, i) => [`output/${i}`, tensor]));
      },
      { computeKnown: true },
    );
  } catch {
    // What is wrong with it is said when it runs, in better words.
    return;
  }
  const numbers = recording.kernels
    .flatMap(({ outputs }) => outputs)
    .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const flops = recordedFlops(recording);
  if (numbers <= MOST_NUMBERS * rows && flops <= MOST_FLOPS * rows) return;
  throw new Refusal(
    `Cannot use the ${kind} as it makes ${numbers.toExponential(1)} numbers in ${flops.toExponential(1)} operations of ${rows} samples: at most ${MOST_NUMBERS.toExponential(1)} and ${MOST_FLOPS.toExponential(1)} a sample are allowed`,
    { fields: { numbers, flops, rows } },
  );
}
