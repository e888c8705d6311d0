import { StillhouseError } from "../errors.ts";
import { pack, unpack } from "../protocol/msgpack.ts";
import type { TrainingState } from "./trainLoop.ts";

const VERSION = 1;

/** A training's state as bytes. */
export function encodeCheckpoint(state: TrainingState): Uint8Array {
  return pack({ version: VERSION, state });
}

/** @throws StillhouseError for a checkpoint of another version of this format */
export function decodeCheckpoint(bytes: Uint8Array): TrainingState {
  // Written by a node of ours and read back under its own digest: the version is what can differ.
  const { version, state } = unpack(bytes) as { version: number; state: TrainingState };
  if (version !== VERSION) {
    throw new StillhouseError(
      `Cannot resume from a checkpoint of version ${version}: this version of Stillhouse writes ${VERSION}`,
    );
  }
  return state;
}
