import { type Rng, rng } from "../../shared/determinism/rng.ts";
import { StillhouseError } from "../../shared/errors.ts";
import {
  bytesPerRow,
  decodeRow,
  decodeStored,
  encodeLogits,
  firstFault,
} from "../../shared/labels/encoding.ts";
import { decode, encode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import type { StoredEncoding } from "../../shared/protocol/storedEncoding.ts";

const encodings: readonly StoredEncoding[] = [
  "half",
  "float32",
  "int8",
  { kind: "top-k", k: 3, temperatures: [1, 4] },
  { kind: "top-k", k: 9, temperatures: [2] },
  { kind: "top-k", k: 3, packed: true, temperatures: [1, 4] },
  { kind: "sampled", draws: 4, temperature: 1 },
];

/** What a fuzz came upon; everything else that it must not has been thrown. */
export interface Fuzzed {
  /** Messages and payloads that were taken. */
  readonly taken: number;
  /** Those refused with a typed error, or with words. */
  readonly refused: number;
  /** Bytes by which the process had grown where it was largest. */
  readonly grownBytes: number;
}

/**
 * Gives so many byte strings to the decoders, in turns: random ones as a message of labels, a valid message with some
 * bytes changed, cut or repeated, random ones as a payload, and a valid payload with bytes changed. What is taken is
 * used: all its rows are decoded.
 * @throws whatever a decoder throws that is no typed error; Error where a row that was taken decodes to a number that is
 *   not finite
 */
export function fuzzDecoders(strings: number, seed: string): Fuzzed {
  const stream = rng(seed, "fuzz");
  const valid = encodings.map((encoding) => validMessage(encoding, stream));
  const before = memory();
  let [taken, refused, grownBytes] = [0, 0, 0];
  const count = (was: boolean): void => {
    if (was) taken++;
    else refused++;
  };
  for (let i = 0; i < strings; i++) {
    const which = stream.below(encodings.length);
    const encoding = encodings[which] as StoredEncoding;
    const { message, payload } = valid[which] as { message: Uint8Array; payload: Uint8Array };
    if (i % 4 === 0) count(takesMessage(randomBytes(stream, 64)));
    else if (i % 4 === 1) count(takesMessage(mutated(message, stream)));
    else if (i % 4 === 2) count(takesPayload(encoding, 1 + stream.below(12), randomBytes(stream, 64)));
    else count(takesPayload(encoding, CLASSES, mutated(payload, stream)));
    // The decoder keeps nothing of what it has seen: a valid message is read as before.
    if (i % 100 === 0 && !takesMessage(message))
      throw new Error(`a valid message is refused after string ${i}`);
    if (i % 1000 === 0) grownBytes = Math.max(grownBytes, memory() - before);
  }
  return { taken, refused, grownBytes };
}

const CLASSES = 7;

function validMessage(encoding: StoredEncoding, stream: Rng): { message: Uint8Array; payload: Uint8Array } {
  const logits = Float32Array.from({ length: 2 * CLASSES }, () => 3 * stream.normal());
  const payload = encodeLogits(encoding, logits, CLASSES, "it", (row) => rng("fuzz", row));
  const hash = "0123456789abcdef0123456789abcdef";
  const message = encode(Labels, {
    ...{ type: "labels", labelling: hash, shard: hash, view: hash, chunk: 3, part: 1, rowsDigest: hash },
    ...{ shape: [2, CLASSES], encoding, node: "teacher-1", payload },
  });
  return { message, payload };
}

function takesMessage(bytes: Uint8Array): boolean {
  let labels: Labels;
  try {
    labels = decode(Labels, bytes, "a message");
  } catch (thrown) {
    if (thrown instanceof StillhouseError) return false;
    throw thrown;
  }
  return takesPayload(labels.encoding, labels.shape[1], labels.payload);
}

function takesPayload(encoding: StoredEncoding, classes: number, payload: Uint8Array): boolean {
  if (firstFault(encoding, classes, payload) !== undefined) return false;
  const width = bytesPerRow(encoding, classes);
  if (payload.byteLength === 0) return true;
  const out = new Float32Array(classes);
  const reading = { temperature: 2, tail: "uniform", undeclared: "uniform" } as const;
  for (let from = 0; from < payload.byteLength; from += width) {
    decodeRow(encoding, payload, from, classes, out, 0, reading);
    if (!out.every(Number.isFinite)) throw new Error(`${JSON.stringify(encoding)} gave ${out.join(" ")}`);
    decodeStored(encoding, payload, from, classes, out, 0);
  }
  return true;
}

function randomBytes(stream: Rng, most: number): Uint8Array {
  return Uint8Array.from({ length: stream.below(most) }, () => stream.uint32());
}

/** A few bytes changed, or the end cut off, or a part moved over another. */
function mutated(bytes: Uint8Array, stream: Rng): Uint8Array {
  const copy = bytes.slice();
  const kind = stream.below(4);
  if (kind === 0) return copy.subarray(0, stream.below(copy.length + 1));
  if (kind === 1) return copy.copyWithin(stream.below(copy.length), stream.below(copy.length));
  for (let change = 0; change <= stream.below(4); change++) copy[stream.below(copy.length)] = stream.uint32();
  return copy;
}

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
