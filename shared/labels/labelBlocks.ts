import type { KnownPart } from "./labelStoreWriter.ts";
import type { SamplePlace } from "./partIndex.ts";

/** Of parts that are read again at once, unless a single one is larger. */
const BLOCK_BYTES = 16 * 2 ** 20;

/**
 * Places in a list of samples, each once, in blocks of which the parts that lie in the log alone fit into memory. In the
 * order of parts, so that each is in one block.
 */
export function* labelBlocks(
  samples: readonly SamplePlace[],
  partOf: (sample: SamplePlace) => KnownPart | undefined,
  blockBytes: number = BLOCK_BYTES,
): Generator<number[]> {
  const at = (which: number): SamplePlace => samples[which] as SamplePlace;
  const order = [...samples.keys()].sort((a, b) => at(a).shard - at(b).shard || at(a).place - at(b).place);
  let block: number[] = [];
  let bytes = 0;
  let last: KnownPart | undefined;
  for (const which of order) {
    const part = partOf(at(which));
    const more = part && part !== last && part.offset === undefined ? part.bytes : 0;
    if (bytes > 0 && more > 0 && bytes + more > blockBytes) {
      yield block;
      [block, bytes] = [[], 0];
    }
    block.push(which);
    bytes += more;
    last = part;
  }
  if (block.length > 0) yield block;
}
