import { MAX_CHUNKS_TOGETHER } from "../shared/protocol/work.ts";

/** Of labels that one work item asks for, unless a single chunk has more. */
const GROUP_BYTES = 256 * 1024;
/** Shares of a node: of what may be in flight, so that its next items wait for it while it is at others ... */
const SHARES_IN_FLIGHT = 8;
/** ... and of all that is left, so that towards the end no node is at many chunks while others have none. */
const SHARES_LEFT = 16;

/**
 * How many consecutive chunks are asked for in one work item: the queue costs as much for one as for many, and of small
 * chunks more than their labels do. A power of two, so that runs that need the same labels ask for the same ranges.
 * @param left chunks that are not labelled
 * @param nodes teacher nodes that are there
 * @param chunkBytes labels of a chunk
 */
export function chunksTogether(of: {
  readonly maxInFlight: number;
  readonly left: number;
  readonly nodes: number;
  readonly chunkBytes: number;
}): number {
  const nodes = Math.max(1, of.nodes);
  const most = Math.min(
    MAX_CHUNKS_TOGETHER,
    of.maxInFlight / (SHARES_IN_FLIGHT * nodes),
    of.left / (SHARES_LEFT * nodes),
    GROUP_BYTES / Math.max(1, of.chunkBytes),
  );
  return 2 ** Math.floor(Math.log2(Math.max(1, most)));
}
