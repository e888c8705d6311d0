import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TeacherEncoding } from "../config/encodingOf.ts";
import { StillhouseError } from "../errors.ts";
import type { FeatureLayout } from "../protocol/features.ts";
import { bytesPerRow, decodeRow, decodeStored } from "./encoding.ts";
import { Presence } from "./presence.ts";
import { featureBytes, featureEncoding, sizeOfFeature } from "./rowLayout.ts";

/** Where one part of a chunk stands in the store's file. */
export interface StoredPart {
  readonly teacher: number;
  /** Its number, 0 for the samples themselves. */
  readonly view: number;
  readonly shard: number;
  readonly chunk: number;
  /** Place in the chunk of the part's first row, and how many rows it has. */
  readonly from: number;
  readonly rows: number;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * The labels that a student has read, so that later epochs touch neither teachers nor network: one append-only
 * file, whose index lives in memory. The writer is on the bus's side, readers are in the training threads.
 */
export class LabelStoreWriter {
  readonly path: string;
  readonly #folder: string;
  readonly #file: number;
  #end = 0;

  constructor(parent: string = tmpdir()) {
    this.#folder = mkdtempSync(join(parent, "stillhouse-labels-"));
    this.path = join(this.#folder, "labels.bin");
    this.#file = openSync(this.path, "wx");
  }

  append(part: Omit<StoredPart, "offset" | "bytes">, payload: Uint8Array): StoredPart {
    let written = 0;
    while (written < payload.byteLength) {
      written += writeSync(this.#file, payload, written, payload.byteLength - written, this.#end + written);
    }
    const stored = { ...part, offset: this.#end, bytes: payload.byteLength };
    this.#end += payload.byteLength;
    return stored;
  }

  get bytes(): number {
    return this.#end;
  }

  /** Closes and removes the file. */
  close(): void {
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What teachers said of one view of the samples. */
export interface ViewLabels {
  /** Whether what a teacher said of a sample is used. @param place of the sample in the permutation of its shard */
  has(teacher: number, shard: number, place: number): boolean;
  /**
   * Writes one teacher's logits of one sample into `out` at row `outRow`; zeros where they are not used.
   * @param place the sample's place in the permutation of its shard
   * @param out [?, classes]
   * @param temperature at which the softmax of these logits is what the teacher said; of an encoding that holds a number
   *   for every class it makes no difference
   * @throws StillhouseError when that label was not read yet, which is a fault of the caller; UndeclaredTemperature
   */
  read(
    teacher: number,
    shard: number,
    place: number,
    out: Float32Array,
    outRow: number,
    temperature?: number,
  ): void;
  /**
   * Writes which classes of a sample one teacher's labels hold a number of: 1 into `out` at row `outRow`, 0 for the others,
   * and for all where its labels are not used.
   * @param out [?, classes]
   */
  readStored(teacher: number, shard: number, place: number, out: Float32Array, outRow: number): void;
  /**
   * Writes a feature of one teacher's of one sample into `out` at row `outRow`.
   * @param feature its place among the teacher's
   * @param out [?, ...shape of the feature]
   * @throws StillhouseError when that label was not read yet, which is a fault of the caller
   */
  readFeature(
    teacher: number,
    feature: number,
    shard: number,
    place: number,
    out: Float32Array,
    outRow: number,
  ): void;
}

/** Labels of all views that a run has. */
export interface LabelsOfViews {
  at(view: number): ViewLabels;
}

/** Of parts that are read row by row once the cache is full. */
const LARGE_PART_BYTES = 64 * 1024;

/**
 * Reads labels by row of a shard, holding parts in memory up to a budget; what was read first goes first. By itself it
 * reads those of the samples themselves, view 0.
 */
export class LabelStoreReader implements ViewLabels, LabelsOfViews {
  readonly #file: number;
  /** By view, teacher and shard, and there by chunk. */
  readonly #index = new Map<string, StoredPart[][]>();
  readonly #views = new Map<number, ViewLabels>();
  readonly #cache = new Map<StoredPart, Uint8Array>();
  readonly #options: LabelStoreLayout;
  /** Whose labels of which chunk are used. */
  readonly presence = new Presence();
  #cachedBytes = 0;

  constructor(path: string, layout: LabelStoreLayout) {
    this.#file = openSync(path, "r");
    this.#options = layout;
  }

  add(part: StoredPart): void {
    const { view, teacher, shard, chunk } = part;
    const name = indexName(view, teacher, shard);
    const chunks = this.#index.get(name) ?? [];
    this.#index.set(name, chunks);
    chunks[chunk] ??= [];
    chunks[chunk]?.push(part);
  }

  at(view: number): ViewLabels {
    const known = this.#views.get(view) ?? {
      has: (...of) => this.#has(view, ...of),
      read: (...of) => this.#read(view, ...of),
      readStored: (...of) => this.#readStored(view, ...of),
      readFeature: (...of) => this.#readFeature(view, ...of),
    };
    this.#views.set(view, known);
    return known;
  }

  readonly has: ViewLabels["has"] = (...of) => this.#has(0, ...of);
  readonly read: ViewLabels["read"] = (...of) => this.#read(0, ...of);
  readonly readStored: ViewLabels["readStored"] = (...of) => this.#readStored(0, ...of);
  readonly readFeature: ViewLabels["readFeature"] = (...of) => this.#readFeature(0, ...of);

  #has(view: number, teacher: number, shard: number, place: number): boolean {
    return this.presence.has(view, teacher, shard, Math.floor(place / this.#options.chunkSize));
  }

  #read(
    view: number,
    teacher: number,
    shard: number,
    place: number,
    out: Float32Array,
    outRow: number,
    temperature = 1,
  ): void {
    const { classes } = this.#options;
    if (!this.#has(view, teacher, shard, place)) {
      out.fill(0, outRow * classes, (outRow + 1) * classes);
      return;
    }
    const { bytes, from } = this.#rowOf(view, teacher, shard, place);
    const { stored, ...reading } = this.#encodingOf(teacher);
    decodeRow(stored, bytes, from, classes, out, outRow, { ...reading, temperature });
  }

  #readStored(
    view: number,
    teacher: number,
    shard: number,
    place: number,
    out: Float32Array,
    outRow: number,
  ): void {
    const { classes } = this.#options;
    if (!this.#has(view, teacher, shard, place)) {
      out.fill(0, outRow * classes, (outRow + 1) * classes);
      return;
    }
    const { bytes, from } = this.#rowOf(view, teacher, shard, place);
    decodeStored(this.#encodingOf(teacher).stored, bytes, from, classes, out, outRow);
  }

  #readFeature(
    view: number,
    teacher: number,
    feature: number,
    shard: number,
    place: number,
    out: Float32Array,
    outRow: number,
  ): void {
    const { classes } = this.#options;
    const features = this.#featuresOf(teacher);
    const layout = features[feature] as FeatureLayout;
    const { bytes, from } = this.#rowOf(view, teacher, shard, place);
    const before = features.slice(0, feature).reduce((sum, one) => sum + featureBytes(one), 0);
    const at = from + bytesPerRow(this.#encodingOf(teacher).stored, classes) + before;
    decodeRow(featureEncoding(layout), bytes, at, sizeOfFeature(layout), out, outRow);
  }

  #encodingOf(teacher: number): TeacherEncoding {
    const found = this.#options.encodings[teacher];
    if (found) return found;
    throw new RangeError(
      `Cannot read the labels of teacher ${teacher}: the store knows ${this.#options.encodings.length}`,
    );
  }

  #featuresOf(teacher: number): readonly FeatureLayout[] {
    return this.#options.features?.[teacher] ?? [];
  }

  /** The bytes of the part that a sample is in, and where its row starts there. */
  #rowOf(view: number, teacher: number, shard: number, place: number): { bytes: Uint8Array; from: number } {
    const { chunkSize } = this.#options;
    const chunk = Math.floor(place / chunkSize);
    const inChunk = place - chunk * chunkSize;
    const part = this.#index
      .get(indexName(view, teacher, shard))
      ?.[chunk]?.find((p) => inChunk >= p.from && inChunk < p.from + p.rows);
    if (!part) {
      const where = view === 0 ? "" : `, view ${view}`;
      throw new StillhouseError(
        `Cannot read the labels of teacher ${teacher}, shard ${shard}${where}, chunk ${chunk}, place ${inChunk}: they have not arrived`,
      );
    }
    const width = part.bytes / part.rows;
    const from = (inChunk - part.from) * width;
    const full = this.#cachedBytes + part.bytes > this.#options.cacheBytes;
    // A large part would push others out and be pushed out itself before its next row is asked for.
    if (full && part.bytes > LARGE_PART_BYTES && !this.#cache.has(part)) {
      return { bytes: this.#readBytes(part.offset + from, width), from: 0 };
    }
    return { bytes: this.#bytesOf(part), from };
  }

  #bytesOf(part: StoredPart): Uint8Array {
    const held = this.#cache.get(part);
    if (held) return held;
    const bytes = this.#readBytes(part.offset, part.bytes);
    this.#cache.set(part, bytes);
    this.#cachedBytes += bytes.byteLength;
    // A Map keeps its order of insertion: the first is the oldest.
    for (const [oldest, held] of this.#cache) {
      if (this.#cachedBytes <= this.#options.cacheBytes || oldest === part) break;
      this.#cache.delete(oldest);
      this.#cachedBytes -= held.byteLength;
    }
    return bytes;
  }

  #readBytes(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let read = 0;
    while (read < length) {
      const got = readSync(this.#file, bytes, read, length - read, offset + read);
      if (got === 0)
        throw new StillhouseError(`Cannot read ${length} bytes at ${offset}: the label store ends`);
      read += got;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.#file);
    this.#cache.clear();
  }
}

function indexName(view: number, teacher: number, shard: number): string {
  return `${view}/${teacher}/${shard}`;
}

export interface LabelStoreLayout {
  /** Of each teacher. */
  readonly encodings: readonly TeacherEncoding[];
  readonly classes: number;
  /** Of each teacher, what its rows hold beside logits; absent: nothing. */
  readonly features?: readonly (readonly FeatureLayout[])[];
  readonly chunkSize: number;
  readonly cacheBytes: number;
}
