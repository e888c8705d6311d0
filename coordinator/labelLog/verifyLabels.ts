import type { WriteOnceLog } from "../../shared/bus/bus.ts";
import type { Dataset, Shard } from "../../shared/data/dataset.ts";
import { taskOf } from "../../shared/data/targets.ts";
import { type View, viewOf } from "../../shared/data/views/view.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { decodeLogits, encodeRows } from "../../shared/labels/rowCodec.ts";
import { rowDraws } from "../../shared/labels/rowDraws.ts";
import { type RowLayout, rowWidth } from "../../shared/labels/rowLayout.ts";
import { chunkLabelsFilter } from "../../shared/protocol/subjects.ts";
import type { LogTeacher } from "./findTeachers.ts";
import { LabelErrors, type LabelErrorsFound } from "./labelErrors.ts";
import { type LabelNeeds, type NeededChunk, neededChunks } from "./neededChunks.ts";
import { type LoggedPart, readParts } from "./readShard.ts";

export interface VerifyLabelsOptions {
  readonly log: WriteOnceLog;
  readonly dataset: Dataset;
  readonly spec: LabelNeeds;
  readonly teacher: Pick<LogTeacher, "name" | "labelling" | "encoding" | "features">;
  /** Of the chunks that the log has, how many are computed again: 0 to 1, and one at least. */
  readonly share: number;
  /** Which chunks these are follows from it and the labelling. */
  readonly seed: number;
  /** At which divergences are told. */
  readonly temperatures: readonly number[];
  /**
   * The teacher's own answers: [rows.length, rowWidth]. Products of features are between the rows of one call.
   * @param view undefined: the samples themselves
   */
  predict(shard: number, rows: Uint32Array, view: View | undefined): Promise<Float32Array>;
  readonly signal: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface VerifiedLabels extends LabelErrorsFound {
  /** Chunks that were computed again, that the log has something of, and that the data needs. */
  readonly chunks: { readonly checked: number; readonly there: number; readonly needed: number };
  /** Messages that do not hold what their subjects promise, in words. */
  readonly wrong: readonly string[];
}

/**
 * Computes a share of a teacher's labels again, chunk by chunk, and compares it with what the log holds.
 * @throws UnusableLogits where the teacher gives now what no label can be; the reason of `signal` when it aborts
 */
export async function verifyLabels(options: VerifyLabelsOptions): Promise<VerifiedLabels> {
  const { log, dataset, spec, teacher, temperatures, predict, signal, onProgress } = options;
  const { chunkSize } = spec.labels;
  const { encoding } = teacher;
  const row: RowLayout = { encoding, classes: dataset.classes, features: teacher.features };
  const { there, needed } = withLabels(await neededChunks(log, dataset, spec, teacher, signal), dataset);
  const chosen = choose(there, options);
  const errors = new LabelErrors(dataset.classes, taskOf(dataset) === "classification" ? temperatures : []);
  const wrong: string[] = [];
  for (const [done, { view, viewHash, shard, chunk }] of chosen.entries()) {
    const { hash } = dataset.shards[shard] as Shard;
    const key = { labelling: teacher.labelling, shard: hash, view: viewHash, chunk };
    const of = { dataset, shard, chunkSize, row };
    const parts = readParts(log, chunkLabelsFilter(key), of, signal, (error) => wrong.push(error.message));
    const again = predictor(row, (rows) => predict(shard, rows, viewOf(spec.views, view)));
    for await (const part of parts) {
      const computed = await again(part);
      const what = `chunk ${chunk} of shard ${key.shard} with teacher "${teacher.name}"`;
      const plain = { ...row, features: [] };
      const encoded = encodeRows(plain, computed, what, rowDraws(key, part.rows));
      const at = (temperature: number) => {
        const reading = { temperature, tail: "uniform", undeclared: "uniform" } as const;
        return {
          logged: decodeLogits(row, part.payload, reading),
          rounded: decodeLogits(plain, encoded, reading),
        };
      };
      const { logged, rounded } = at(1);
      if (typeof encoding === "string") errors.add(logged, computed, rounded);
      // What holds a part of the classes holds them beside the largest, and is another at each temperature.
      else errors.add(logged, belowLargest(computed, row.classes), rounded, at);
    }
    onProgress?.(done + 1, chosen.length);
  }
  return { ...errors.found(), chunks: { checked: chosen.length, there: there.length, needed }, wrong };
}

/** Each row less its largest: [rows, classes]. */
function belowLargest(logits: Float32Array, classes: number): Float32Array {
  const out = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const largest = row.reduce((a, b) => Math.max(a, b));
    row.forEach((logit, c) => {
      out[start + c] = logit - largest;
    });
  }
  return out;
}

/** What the log has a part of, each chunk of the same content once. */
function withLabels(chunks: readonly NeededChunk[], { shards }: Dataset) {
  const met = new Set<string>();
  const distinct = chunks.filter(({ viewHash, shard, chunk }) => {
    const name = `${viewHash}/${shards[shard]?.hash}/${chunk}`;
    if (met.has(name)) return false;
    met.add(name);
    return true;
  });
  return { there: distinct.filter(({ there }) => there.length > 0), needed: distinct.length };
}

/** Some of the chunks, drawn by seed and labelling, in the order of labelling. */
function choose(there: readonly NeededChunk[], { share, seed, teacher }: VerifyLabelsOptions): NeededChunk[] {
  const count = Math.min(there.length, Math.max(1, Math.ceil(share * there.length)));
  const order = rng(seed, "verify", teacher.labelling).shuffle(Uint32Array.from(there.keys()));
  return Array.from(order.subarray(0, count).sort(), (place) => there[place] as NeededChunk);
}

/** Logits of a part, computed as a node does: part by part, or chunk by chunk where features relate to the whole of it. */
function predictor(
  row: RowLayout,
  predict: (rows: Uint32Array) => Promise<Float32Array>,
): (part: LoggedPart) => Promise<Float32Array> {
  const width = rowWidth(row);
  const logitsOf = (values: Float32Array, from: number, count: number): Float32Array => {
    if (width === row.classes) return values.subarray(from * width, (from + count) * width);
    const logits = new Float32Array(count * row.classes);
    for (let i = 0; i < count; i++) {
      const start = (from + i) * width;
      logits.set(values.subarray(start, start + row.classes), i * row.classes);
    }
    return logits;
  };
  const related = row.features.some(({ form }) => form === "gram");
  let whole: Promise<Float32Array> | undefined;
  return async ({ rows, of }) => {
    if (!related) return logitsOf(await predict(rows), 0, rows.length);
    whole ??= predict(of.rows);
    return logitsOf(await whole, of.from, rows.length);
  };
}
