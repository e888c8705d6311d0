/**
 * Every backend, the one most wanted first. TensorFlow on the CPU runs a step kernel by kernel, which takes 1.4 to 7
 * times as long as the compiled one (docs/benchmarks.md). The last, which was never run, is taken only by name.
 */
export const backendOrder = ["tfjs-node-gpu", "compiled", "tfjs-node", "wasm", "cpu", "webgpu"] as const;
export type BackendName = (typeof backendOrder)[number];

/** Those that are TensorFlow's own library, behind a package of TensorFlow.js. */
export type NativeBackendName = Extract<BackendName, `tfjs-node${string}`>;
