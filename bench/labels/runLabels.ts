import { chunkParts } from "../../shared/data/chunks.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { bytesPerRow, decodeRow, encodeLogits } from "../../shared/labels/encoding.ts";
import { type Compared, comparedBy, divergences } from "./divergences.ts";
import { type EncodingCase, encodingCases, published } from "./encodingCases.ts";
import { nativeHalves } from "./nativeHalves.ts";
import { alternateRates, type Contestant, type Rate } from "./rates.ts";
import { drawOutputs, type TeacherOutputs, teacherOutputs } from "./teacherOutputs.ts";

export interface LabelsOptions {
  readonly classes: readonly number[];
  readonly blocks: number;
  /** Processor time of each block of each contestant. */
  readonly seconds: number;
}

/** A line of the table, and an element of the JSON. Null: not measured, or no limit. */
export interface LabelsRow {
  readonly classes: number | null;
  readonly outputs: TeacherOutputs["name"] | null;
  readonly encoding: string;
  readonly bytesPerSample: number | null;
  /** MB/s of dense float32. */
  readonly encode: Rate | null;
  readonly decode: Rate | null;
  readonly limit: number | null;
  /** Rate per core over that of copying the dense numbers in the same turns. */
  readonly encodeToCopy: number | null;
  readonly decodeToCopy: number | null;
  readonly compared: Compared | null;
  /** Mean, nats a sample, at T = 1, 2, 4. */
  readonly divergence: readonly number[] | null;
  readonly unavailable: string | null;
}

const empty: Omit<LabelsRow, "encoding"> = {
  classes: null,
  outputs: null,
  bytesPerSample: null,
  encode: null,
  decode: null,
  limit: null,
  encodeToCopy: null,
  decodeToCopy: null,
  compared: null,
  divergence: null,
  unavailable: null,
};

/** Measures every encoding on every kind of outputs with these numbers of classes; published figures come last. */
export function runLabels(options: LabelsOptions, say: (line: string) => void): LabelsRow[] {
  const measured = teacherOutputs
    .filter(({ classes }) => options.classes.includes(classes))
    .flatMap((outputs) => {
      say(`${outputs.classes} classes, ${outputs.name}: like ${outputs.like}`);
      return rowsOf(outputs, options);
    });
  return [
    ...measured,
    ...published.map(({ name, bytes }) => ({ ...empty, encoding: name, bytesPerSample: bytes })),
  ];
}

function rowsOf(outputs: TeacherOutputs, { blocks, seconds }: LabelsOptions): LabelsRow[] {
  const { classes, name } = outputs;
  const logits = drawOutputs(outputs, rng("bench", "outputs", classes, name));
  const cases = encodingCases(classes);
  const peers = [copying(logits), nativeHalves(logits)];
  const own = cases.map((one) => coding(one, logits, classes));
  const all = [...peers.flatMap((peer) => peer.contestants), ...own.flatMap((one) => one.contestants)];
  const rates = alternateRates(all, blocks, seconds);
  const [copy] = rates as [Rate, ...Rate[]];
  const rateOf = (contestant: Contestant | undefined): Rate | null =>
    contestant ? (rates[all.indexOf(contestant)] as Rate) : null;
  const timed = ([encode, decode]: readonly Contestant[]): Partial<LabelsRow> => ({
    encode: rateOf(encode),
    decode: rateOf(decode),
    encodeToCopy: encode ? (rateOf(encode) as Rate).perCore / copy.perCore : null,
    decodeToCopy: decode ? (rateOf(decode) as Rate).perCore / copy.perCore : null,
  });
  const of = { ...empty, classes, outputs: name };
  return [
    ...peers.map(({ encoding, bytes, contestants, unavailable }) => ({
      ...of,
      encoding,
      bytesPerSample: bytes * classes,
      unavailable,
      ...timed(contestants),
    })),
    ...cases.map((one, i) => ({
      ...of,
      encoding: one.name,
      bytesPerSample: bytesPerRow(one.encoding, classes),
      limit: one.limit,
      ...timed(own[i]?.contestants ?? []),
      compared: comparedBy(one),
      divergence: divergences(one, logits, classes, own[i]?.bytes as Uint8Array),
    })),
  ];
}

/** Somebody else's way, with a contestant each for there and back. */
export interface Peer {
  readonly encoding: string;
  /** Bytes of a class. */
  readonly bytes: number;
  readonly contestants: readonly Contestant[];
  readonly unavailable: string | null;
}

function copying(logits: Float32Array): Peer {
  const to = new Float32Array(logits.length);
  const contestant = (): Contestant => ({ bytes: logits.byteLength, work: () => to.set(logits) });
  return { encoding: "a copy", bytes: 4, contestants: [contestant(), contestant()], unavailable: null };
}

/** Encodes parts as large as messages of the label log, and decodes row by row, as a student reads. */
function coding(
  { encoding, tail }: EncodingCase,
  logits: Float32Array,
  classes: number,
): { bytes: Uint8Array; contestants: readonly Contestant[] } {
  const width = bytesPerRow(encoding, classes);
  const rows = logits.length / classes;
  const encode = (from: number, to: number): Uint8Array =>
    encodeLogits(encoding, logits.subarray(from * classes, to * classes), classes, "the benchmark", (row) =>
      rng("bench", "draws", from + row),
    );
  const encodeParts = (): void => {
    for (const [from, to] of chunkParts(rows, width)) encode(from, to);
  };
  const bytes = encode(0, rows);
  const decoded = new Float32Array(logits.length);
  const reading = { temperature: 1, tail, undeclared: "refuse" } as const;
  const decode = (): void => {
    for (let row = 0; row * width < bytes.length; row++) {
      decodeRow(encoding, bytes, row * width, classes, decoded, row, reading);
    }
  };
  return {
    bytes,
    contestants: [encodeParts, decode].map((work) => ({ bytes: logits.byteLength, work })),
  };
}
