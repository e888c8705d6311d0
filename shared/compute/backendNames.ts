/** Every backend, the one most wanted first. */
export const backendOrder = ["tfjs-node-gpu", "tfjs-node", "compiled", "wasm", "cpu"] as const;
export type BackendName = (typeof backendOrder)[number];
