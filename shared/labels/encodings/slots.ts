/** The k classes that a top-k row lists, on their way to bytes and back. */
export interface Slots {
  /** Numbers of classes, each once: the first k. */
  readonly ids: Uint32Array;
  /** z_i - max z of each, at most 0. */
  readonly differences: Float32Array;
}

/** How the k classes and their differences stand in a row. */
export interface SlotCodec {
  /** In which order it takes them: all by descending difference, of equal ones the lower number first; or the least last. */
  readonly needs: "all" | "least last";
  bytes(k: number, classes: number): number;
  /**
   * @param slots in the order that it needs
   * @returns the byte after them
   */
  write(slots: Slots, k: number, classes: number, bytes: Uint8Array, at: number): number;
  /** In the order in which they stand there. */
  read(bytes: Uint8Array, at: number, k: number, classes: number, slots: Slots): void;
  /** What is wrong with stored ones, or undefined. */
  fault(bytes: Uint8Array, at: number, k: number, classes: number): string | undefined;
}

let kept: Slots = slotsFor(64);

/** Room for k slots, whose content is gone at the next call. */
export function scratchSlots(k: number): Slots {
  if (kept.ids.length < k) kept = slotsFor(2 * k);
  return kept;
}

function slotsFor(k: number): Slots {
  return { ids: new Uint32Array(k), differences: new Float32Array(k) };
}
