import type { Peer } from "./runLabels.ts";

/** Newer runtimes have it, the library's types of this target do not. */
type Halves = { readonly buffer: ArrayBuffer; set(values: ArrayLike<number>): void } & ArrayLike<number>;
const Float16Array = (globalThis as { Float16Array?: new (length: number) => Halves }).Float16Array;

/** The runtime's own half precision, where it has one. */
export function nativeHalves(logits: Float32Array): Peer {
  const of = { encoding: "Float16Array", bytes: 2 };
  if (!Float16Array) return { ...of, contestants: [], unavailable: `not in Node ${process.versions.node}` };
  const halves = new Float16Array(logits.length);
  const back = new Float32Array(logits.length);
  return {
    ...of,
    contestants: [
      { bytes: logits.byteLength, work: () => halves.set(logits) },
      { bytes: logits.byteLength, work: () => back.set(halves) },
    ],
    unavailable: null,
  };
}
