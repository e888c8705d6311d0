import type { KeyValue, ObjectStore } from "../bus/bus.ts";
import { decode } from "../protocol/codec.ts";
import { PeerWeights } from "../protocol/jobs.ts";

/** The object that a pointer to a student's weights names. @throws MalformedMessage */
export function peerObject(value: Uint8Array, key: string): string {
  return decode(PeerWeights, value, `peer's weights ${key}`).object;
}

/** Deletes weights that students of a run showed each other. @param keys of their pointers, in the bucket of jobs */
export async function deletePeerWeights(
  jobs: KeyValue,
  objects: ObjectStore,
  keys: readonly string[],
): Promise<void> {
  for (const key of keys) {
    const entry = await jobs.get(key);
    if (!entry) continue;
    // The blob first: a key whose blob is gone is found and deleted the next time.
    await objects.delete(peerObject(entry.value, key));
    await jobs.delete(key);
  }
}
