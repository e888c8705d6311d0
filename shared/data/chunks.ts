import { rng } from "../determinism/rng.ts";

/** Of a message of labels. */
export const MAX_PART_BYTES = 512 * 1024;

/** Rows of a chunk: the first, and the one after the last. */
export type PartRange = readonly [from: number, to: number];

// A permutation is asked for at every chunk and takes milliseconds to make.
const permutations = new Map<string, Uint32Array>();
const inverses = new Map<string, Uint32Array>();

/**
 * The order in which the rows of a shard are labelled. It derives from the shard's hash alone, so that every run,
 * whatever its seed, meets the same chunks in the label log.
 * @returns [rows]; kept and shared, so not to be written to
 */
export function shardPermutation(shardHash: string, rows: number): Uint32Array {
  return kept(permutations, shardHash, rows, () =>
    rng(shardHash, "permutation").shuffle(Uint32Array.from({ length: rows }, (_, row) => row)),
  );
}

/** Where each row stands in the shard's permutation. @returns [rows]; kept and shared, so not to be written to */
export function inversePermutation(shardHash: string, rows: number): Uint32Array {
  return kept(inverses, shardHash, rows, () => {
    const inverse = new Uint32Array(rows);
    shardPermutation(shardHash, rows).forEach((row, place) => {
      inverse[row] = place;
    });
    return inverse;
  });
}

/** Chunks of a shard; the last may be smaller. */
export function chunkCount(rows: number, chunkSize: number): number {
  return Math.ceil(rows / chunkSize);
}

/** Rows of a chunk that the shard has. */
export function chunkLength(rows: number, chunkSize: number, chunk: number): number {
  return Math.min(chunkSize, rows - chunk * chunkSize);
}

/** The chunk that holds a row. */
export function chunkOf(shardHash: string, rows: number, chunkSize: number, row: number): number {
  const place = inversePermutation(shardHash, rows)[row];
  if (place === undefined) {
    throw new RangeError(`Cannot find the chunk of row ${row}: shard ${shardHash} has ${rows} rows`);
  }
  return Math.floor(place / chunkSize);
}

/**
 * The rows of a chunk, in the order in which they are labelled.
 * @returns a copy, [chunkSize], shorter for the last chunk
 * @throws RangeError for a chunk that the shard does not have
 */
export function chunkRows(shardHash: string, rows: number, chunkSize: number, chunk: number): Uint32Array {
  if (!(chunk >= 0 && chunk < chunkCount(rows, chunkSize))) {
    throw new RangeError(
      `Cannot list the rows of chunk ${chunk}: shard ${shardHash} has ${chunkCount(rows, chunkSize)} chunks ` +
        `(${rows} rows, ${chunkSize} a chunk)`,
    );
  }
  return shardPermutation(shardHash, rows).slice(chunk * chunkSize, (chunk + 1) * chunkSize);
}

/**
 * Rows of a chunk that fit one message, from 1 to all of them.
 * @throws RangeError when one row alone is larger than a message
 */
export function partRows(
  chunkRowsCount: number,
  bytesPerRow: number,
  maxPartBytes: number = MAX_PART_BYTES,
): number {
  const fit = Math.floor(maxPartBytes / bytesPerRow);
  if (fit < 1) {
    throw new RangeError(
      `Cannot put labels of ${bytesPerRow} bytes a sample into messages of at most ${maxPartBytes} bytes: ` +
        "expected one sample to fit; fewer classes or labels.encoding half take fewer bytes",
    );
  }
  return Math.max(1, Math.min(fit, chunkRowsCount));
}

/** The parts of a chunk: ranges that follow on each other and cover all its rows. */
export function chunkParts(
  chunkRowsCount: number,
  bytesPerRow: number,
  maxPartBytes: number = MAX_PART_BYTES,
): PartRange[] {
  const size = partRows(chunkRowsCount, bytesPerRow, maxPartBytes);
  return Array.from({ length: Math.ceil(chunkRowsCount / size) }, (_, part) => [
    part * size,
    Math.min((part + 1) * size, chunkRowsCount),
  ]);
}

function kept(
  cache: Map<string, Uint32Array>,
  shardHash: string,
  rows: number,
  make: () => Uint32Array,
): Uint32Array {
  const found = cache.get(shardHash);
  if (found?.length === rows) return found;
  const made = make();
  cache.set(shardHash, made);
  return made;
}
