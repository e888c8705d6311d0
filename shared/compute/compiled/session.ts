import type { InferenceSession } from "onnxruntime-node";
import type { OnnxDevice } from "../deviceNames.ts";
import { encodeModel } from "./encode.ts";
import type { OnnxGraph } from "./graph.ts";

export interface SessionOptions {
  /** Of one operator. */
  threads: number;
  /** Threads wait for work in a loop, which is fast and takes the core from everybody else. */
  spinning: boolean;
  /** Absent: the CPU. */
  device?: OnnxDevice | undefined;
}

/** ONNX Runtime is an optional package: it is loaded where it is first needed. */
export async function loadOnnxRuntime(): Promise<typeof import("onnxruntime-node")> {
  const loaded = await import("onnxruntime-node");
  // A CommonJS package: Node puts its exports on the default one, tsx on the module itself.
  return loaded.default ?? loaded;
}

/** A graph, compiled. Release it after use. */
export function createSession(graph: OnnxGraph, options: SessionOptions): Promise<InferenceSession> {
  return sessionOf(encodeModel(graph), options);
}

/** The bytes of an ONNX model, compiled. Release it after use. */
export async function sessionOf(bytes: Uint8Array, options: SessionOptions): Promise<InferenceSession> {
  const { InferenceSession } = await loadOnnxRuntime();
  return InferenceSession.create(bytes, {
    // What a device has no kernel for, the CPU computes.
    executionProviders: [...new Set([options.device ?? "cpu", "cpu"])],
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: options.spinning ? "1" : "0" } } },
  });
}
