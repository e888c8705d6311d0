import { contentHash, sha256 } from "../../../determinism/hash.ts";
import { BadOnnxModel } from "../../../model/onnxProto.ts";
import { runTrial } from "./runTrial.ts";
import type { TrialInput } from "./trialMessages.ts";

/** What a model may take for a few samples, and more for each byte of its own. */
const MEMORY = 2 * 2 ** 30;
const MEMORY_FOR_EACH_BYTE = 6;
const TIME_MS = 20_000;
const BYTES_A_MS = 4_000;

const passed = new Set<string>();

/**
 * Runs an ONNX model on inputs of zeros in a process of its own first: a graph of a few bytes can make tensors of any
 * size, or compute for days, and nothing can stop ONNX Runtime inside of this process. Once for the same model and shapes.
 * @param runs one after the other, each with all inputs
 * @throws BadOnnxModel where it takes too much memory or time, or does not run
 */
export async function tryOnnx(
  bytes: Uint8Array,
  runs: readonly (readonly TrialInput[])[],
  limits: { mostMemory?: number; mostMs?: number } = {},
): Promise<void> {
  const key = contentHash({ model: sha256(bytes), runs });
  if (passed.has(key)) return;
  const {
    mostMemory = MEMORY + MEMORY_FOR_EACH_BYTE * bytes.length,
    mostMs = TIME_MS + bytes.length / BYTES_A_MS,
  } = limits;
  const end = await runTrial({ bytes, runs, mostMemory, mostMs });
  switch (end.kind) {
    case "passed":
      passed.add(key);
      return;
    case "refused":
      throw new BadOnnxModel(`Cannot use the ONNX model: ONNX Runtime refuses it: ${end.why}`);
    case "failed":
      throw new BadOnnxModel(`Cannot use the ONNX model: it does not run on samples of zeros: ${end.why}`);
    case "memory":
      throw new BadOnnxModel(
        `Cannot use the ONNX model as it takes more than ${(mostMemory / 2 ** 30).toFixed(1)} GiB for a few samples of zeros, and its file has ${bytes.length} bytes: it makes tensors far larger than what it holds`,
        { fields: { mostMemory, bytes: bytes.length } },
      );
    case "time":
      throw new BadOnnxModel(
        `Cannot use the ONNX model as it computes for longer than ${(mostMs / 1000).toFixed(0)} s on a few samples of zeros: no run would end with it`,
        { fields: { mostMs, bytes: bytes.length } },
      );
  }
}
