import { inject } from "vitest";

/** Why TensorFlow's own library cannot be tested here; null where it can. */
export const nativeMissing = inject("nativeMissing");

/** TensorFlow's own library among the backends of a test, where test/setup has built it. */
export const nativeBackend: readonly "tfjs-node"[] = nativeMissing === null ? ["tfjs-node"] : [];
