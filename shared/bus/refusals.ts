import { ConsumerOverlap, CorruptObject, NameTaken, RevisionConflict } from "./errors.ts";

/** @param expected the revision asked for, 0 for a key that must not exist; @param seen undefined when it does not */
export function revisionConflict(
  how: string,
  key: string,
  expected: number,
  seen: number | undefined,
  cause?: unknown,
): RevisionConflict {
  const is = seen === undefined ? "does not exist" : `is at revision ${seen}`;
  const wanted = expected === 0 ? "no such key" : `revision ${expected}`;
  return new RevisionConflict(
    `Cannot ${how} the key "${key}" as it ${is}: expected ${wanted}. Read it again and decide anew`,
    { fields: { key, seen, expected }, cause },
  );
}

export function consumerOverlap(
  queue: string,
  consumer: string,
  filter: string,
  cause?: unknown,
): ConsumerOverlap {
  return new ConsumerOverlap(
    `Cannot open the consumer ${consumer} of ${queue} with the filter "${filter}" as another consumer's filter overlaps it: a message of a work queue has one taker. Delete the other consumer, or narrow the filters`,
    { fields: { consumer, queue, filter }, cause },
  );
}

export function nameTaken(bucket: string, name: string, seen: string, expected: string): NameTaken {
  return new NameTaken(
    `Cannot store the object "${name}" in ${bucket} as the name holds other bytes: their SHA-256 is ${seen}, the new ones' ${expected}. Objects never change; delete it first`,
    { fields: { bucket, name, seen, expected } },
  );
}

/** @param seen what the bytes are, @param expected what was noted when they were stored */
export function corruptObject(
  bucket: string,
  name: string,
  seen: { bytes: number; digest: string },
  expected: { bytes: number; digest: string },
): CorruptObject {
  return new CorruptObject(
    `Cannot use the object "${name}" of ${bucket}: its ${seen.bytes} bytes have the SHA-256 ${seen.digest}, expected ${expected.bytes} bytes with ${expected.digest}. Delete it and store it again`,
    { fields: { bucket, name, seen, expected } },
  );
}
