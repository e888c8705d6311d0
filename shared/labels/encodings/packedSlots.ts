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
  needs: "least last",

  bytes: (k, classes) => idSetBytes(k, classes) + 4 + k,

  write({ ids, differences }, k, classes, bytes, at) {
    const range = Math.fround(-(differences[k - 1] as number));
    const scale = range > 0 ? STEPS / range : 0;
    const values = at + idSetBytes(k, classes) + 4;
    const { ascending, slots } = inOrder(ids, k, classes);
    for (let i = 0; i < k; i++) {
      const steps = -(differences[slots[i] as number] as number) * scale;
      bytes[values + i] = Math.min(STEPS, (steps + 0.5) | 0);
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
    if (!(range >= 0 && range < Number.POSITIVE_INFINITY)) return `the range of its differences is ${range}`;
    return bytes.subarray(values, values + k).includes(0) ? undefined : "none of its classes is the largest";
  },
};

/** What is kept between rows: a bit and a slot for each class, and what comes out. */
let marks = new Uint32Array(0);
let slotOf = new Uint32Array(0);
let ascending = new Uint32Array(0);
let slots = new Uint32Array(0);

/**
 * The first k of `ids` in ascending order, and the slot of each: by a bit for each class, which is less work than sorting.
 * @returns overwritten by the next call
 */
function inOrder(
  ids: Uint32Array,
  k: number,
  classes: number,
): { ascending: Uint32Array; slots: Uint32Array } {
  if (slotOf.length < classes) {
    marks = new Uint32Array((classes >>> 5) + 1);
    slotOf = new Uint32Array(classes);
  }
  if (ascending.length < k) {
    ascending = new Uint32Array(2 * k);
    slots = new Uint32Array(2 * k);
  }
  for (let slot = 0; slot < k; slot++) {
    const id = ids[slot] as number;
    marks[id >>> 5] = (marks[id >>> 5] as number) | (1 << (id & 31));
    slotOf[id] = slot;
  }
  let found = 0;
  for (let word = 0; found < k; word++) {
    let left = marks[word] as number;
    marks[word] = 0;
    while (left !== 0) {
      const id = (word << 5) | (31 - Math.clz32(left & -left));
      left &= left - 1;
      ascending[found] = id;
      slots[found++] = slotOf[id] as number;
    }
  }
  return { ascending, slots };
}
