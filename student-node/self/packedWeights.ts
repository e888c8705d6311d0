import { StillhouseError } from "../../shared/errors.ts";
import { learntName } from "../../shared/model/tapped.ts";
import type { NamedWeight } from "../../shared/model/weights.ts";
import { pack, unpack } from "../../shared/protocol/msgpack.ts";

const VERSION = 1;

/** A student's own weights as bytes, without what is learnt beside it. */
export function packWeights(weights: readonly NamedWeight[]): Uint8Array {
  return pack({ version: VERSION, weights: weights.filter(({ name }) => learntName(name) === undefined) });
}

/** @throws StillhouseError for weights of another version of this format */
export function unpackWeights(bytes: Uint8Array): NamedWeight[] {
  // Written by a student node and read back under its own digest: the version is what can differ.
  const { version, weights } = unpack(bytes) as { version: number; weights: NamedWeight[] };
  if (version === VERSION) return weights;
  throw new StillhouseError(
    `Cannot read a peer's weights of version ${version}: this version of Stillhouse writes ${VERSION}`,
  );
}
