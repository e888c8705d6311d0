import { HALF_MAX, halfValues, toHalf } from "../half.ts";
import { idBytes, readId, writeId } from "./ids.ts";
import type { SlotCodec } from "./slots.ts";

/**
 * k numbers of classes, then k differences in half precision, by descending difference. Half precision is finest there
 * where it counts: of d in (-2^n, -2^(n-1)] the error is at most 2^(n-12).
 */
export const plainSlots: SlotCodec = {
  needs: "all",

  bytes: (k, classes) => k * (idBytes(classes) + 2),

  write({ ids, differences }, k, classes, bytes, at) {
    const width = idBytes(classes);
    for (let slot = 0; slot < k; slot++) {
      writeId(bytes, at + slot * width, width, ids[slot] as number);
      const difference = toHalf(Math.max(differences[slot] as number, -HALF_MAX));
      writeId(bytes, at + k * width + slot * 2, 2, difference);
    }
    return at + k * (width + 2);
  },

  read(bytes, at, k, classes, { ids, differences }) {
    const width = idBytes(classes);
    for (let slot = 0; slot < k; slot++) {
      ids[slot] = readId(bytes, at + slot * width, width);
      differences[slot] = halfValues[readId(bytes, at + k * width + slot * 2, 2)] as number;
    }
  },

  fault(bytes, at, k, classes) {
    const width = idBytes(classes);
    const ids = new Uint32Array(k);
    let above = 0;
    for (let slot = 0; slot < k; slot++) {
      const id = readId(bytes, at + slot * width, width);
      if (id >= classes) return `slot ${slot} is class ${id} of ${classes}`;
      ids[slot] = id;
      const difference = halfValues[readId(bytes, at + k * width + slot * 2, 2)] as number;
      if (!(difference <= above && difference >= -HALF_MAX)) {
        return `slot ${slot} is ${difference} after ${above}`;
      }
      above = difference;
    }
    ids.sort();
    for (let i = 1; i < k; i++) if (ids[i] === ids[i - 1]) return `class ${ids[i]} comes twice`;
    return undefined;
  },
};
