/** Every backend, the one most wanted first. */
export const backendOrder = ["tfjs-node-gpu", "tfjs-node", "compiled", "wasm", "cpu"] as const;
export type BackendName = (typeof backendOrder)[number];

/** Those that are TensorFlow's own library, behind a package of TensorFlow.js. */
export type NativeBackendName = Extract<BackendName, `tfjs-node${string}`>;
