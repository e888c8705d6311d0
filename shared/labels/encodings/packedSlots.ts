import { readFloat, writeFloat } from "./floats.ts";
import { idSetBytes, idSetFault, readIdSet, writeIdSet } from "./idSet.ts";
import type { SlotCodec } from "./slots.ts";

const STEPS = 255;

/**
 * The classes as a set, the range of their differences in float32, and by ascending number of the class a byte each:
 * d = -range byte / 255. The largest is kept as it is, and no other is off by more than range / 510: with a range of 12,
 * as of a softmax down to 1e-5, log-probabilities by 0.024, which costs about 1e-4 nats.
 */
export const packedSlots: SlotCodec = {
  bytes: (k, classes) => idSetBytes(k, classes) + 4 + k,

  write({ ids, differences }, k, classes, bytes, at) {
    const scratch = sorted(k);
    let range = 0;
    for (let slot = 0; slot < k; slot++) range = Math.max(range, -(differences[slot] as number));
    // Above 2^20 classes the place below would not fit: 53 bits hold both.
    for (let slot = 0; slot < k; slot++) scratch[slot] = (ids[slot] as number) * SLOT_SPAN + slot;
    scratch.subarray(0, k).sort();
    range = Math.fround(range);
    const values = at + idSetBytes(k, classes) + 4;
    const scale = range > 0 ? STEPS / range : 0;
    const ascending = new Uint32Array(k);
    for (let i = 0; i < k; i++) {
      const place = scratch[i] as number;
      const slot = place % SLOT_SPAN;
      ascending[i] = (place - slot) / SLOT_SPAN;
      bytes[values + i] = Math.min(STEPS, Math.round(-(differences[slot] as number) * scale));
    }
    writeIdSet(ascending, k, classes, bytes, at);
    writeFloat(bytes, values - 4, range);
    return values + k;
  },

  read(bytes, at, k, classes, { ids, differences }) {
    const values = readIdSet(bytes, at, k, classes, ids) + 4;
    const step = -readFloat(bytes, values - 4) / STEPS;
    for (let i = 0; i < k; i++) differences[i] = step * (bytes[values + i] as number);
  },

  fault(bytes, at, k, classes) {
    const set = idSetFault(bytes, at, k, classes);
    if (set !== undefined) return set;
    const values = at + idSetBytes(k, classes) + 4;
    const range = readFloat(bytes, values - 4);
    // Twice the largest number of half precision is the range that no row exceeds; a NaN is beyond it too.
    if (!(range >= 0 && range <= Number.MAX_VALUE)) return `the range of its differences is ${range}`;
    return bytes.subarray(values, values + k).includes(0) ? undefined : "none of its classes is the largest";
  },
};

/** More than the slots that a row can have. */
const SLOT_SPAN = 2 ** 17;

let room = new Float64Array(64);

function sorted(k: number): Float64Array {
  if (room.length < k) room = new Float64Array(2 * k);
  return room;
}
