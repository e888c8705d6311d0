import type { TeacherEncoding } from "../config/encodingOf.ts";
import { StillhouseError } from "../errors.ts";
import type { FeatureLayout } from "../protocol/features.ts";
import { bytesPerRow, decodeRow, decodeStored } from "./encoding.ts";
import type { StoredPart } from "./labelStoreWriter.ts";
import { Presence } from "./presence.ts";
import type { Reading } from "./reading.ts";
import { featureEncoding, featuresBytes, sizeOfFeature } from "./rowLayout.ts";
import { StoredParts } from "./storedParts.ts";
import type { LabelsOfViews, ViewLabels } from "./viewLabels.ts";

export interface LabelStoreLayout {
  /** Of each teacher. */
  readonly encodings: readonly TeacherEncoding[];
  readonly classes: number;
  /** Of each teacher, what its rows hold beside logits; absent: nothing. */
  readonly features?: readonly (readonly FeatureLayout[])[];
  readonly chunkSize: number;
  readonly cacheBytes: number;
}

/**
 * Reads labels by row of a shard, in any order. By itself it reads those of the samples themselves, view 0.
 */
export class LabelStoreReader implements ViewLabels, LabelsOfViews {
  readonly #parts: StoredParts;
  /** By view, teacher, shard and chunk: asked for each sample of each step. */
  readonly #index: StoredPart[][][][][] = [];
  /** By teacher and temperature. */
  readonly #readings: Map<number, Reading>[] = [];
  readonly #views = new Map<number, ViewLabels>();
  readonly #options: LabelStoreLayout;
  /** Whose labels of which chunk are used. */
  readonly presence = new Presence();

  constructor(path: string, layout: LabelStoreLayout) {
    this.#parts = new StoredParts(path, layout.cacheBytes);
    this.#options = layout;
  }

  add(part: StoredPart): void {
    const { view, teacher, shard, chunk } = part;
    inner(inner(inner(inner(this.#index, view), teacher), shard), chunk).push(part);
  }

  at(view: number): ViewLabels {
    const known = this.#views.get(view) ?? {
      has: (teacher, shard, place) => this.#has(view, teacher, shard, place),
      read: (teacher, shard, place, out, outRow, temperature) =>
        this.#read(view, teacher, shard, place, out, outRow, temperature),
      readStored: (teacher, shard, place, out, outRow) =>
        this.#readStored(view, teacher, shard, place, out, outRow),
      readFeature: (teacher, feature, shard, place, out, outRow) =>
        this.#readFeature(view, teacher, feature, shard, place, out, outRow),
    };
    this.#views.set(view, known);
    return known;
  }

  readonly has: ViewLabels["has"] = this.at(0).has;
  readonly read: ViewLabels["read"] = this.at(0).read;
  readonly readStored: ViewLabels["readStored"] = this.at(0).readStored;
  readonly readFeature: ViewLabels["readFeature"] = this.at(0).readFeature;

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
    const row = this.#usedRow(view, teacher, shard, place, out, outRow);
    if (!row) return;
    const { classes } = this.#options;
    const { stored } = this.#encodingOf(teacher);
    const reading = this.#readingOf(teacher, temperature);
    decodeRow(stored, row.bytes, row.from, classes, out, outRow, reading);
  }

  #readStored(
    view: number,
    teacher: number,
    shard: number,
    place: number,
    out: Float32Array,
    outRow: number,
  ): void {
    const row = this.#usedRow(view, teacher, shard, place, out, outRow);
    if (!row) return;
    const { stored } = this.#encodingOf(teacher);
    decodeStored(stored, row.bytes, row.from, this.#options.classes, out, outRow);
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
    const before = featuresBytes(features.slice(0, feature));
    const at = from + bytesPerRow(this.#encodingOf(teacher).stored, classes) + before;
    decodeRow(featureEncoding(layout), bytes, at, sizeOfFeature(layout), out, outRow);
  }

  /** The row of a sample; undefined, and zeros in `out`, where a teacher's labels of it are not used. */
  #usedRow(
    view: number,
    teacher: number,
    shard: number,
    place: number,
    out: Float32Array,
    outRow: number,
  ): { bytes: Uint8Array; from: number } | undefined {
    if (this.#has(view, teacher, shard, place)) return this.#rowOf(view, teacher, shard, place);
    const { classes } = this.#options;
    out.fill(0, outRow * classes, (outRow + 1) * classes);
    return undefined;
  }

  #readingOf(teacher: number, temperature: number): Reading {
    const known = this.#readings[teacher]?.get(temperature);
    if (known) return known;
    const { tail, undeclared } = this.#encodingOf(teacher);
    const reading = { temperature, tail, undeclared };
    this.#readings[teacher] ??= new Map();
    this.#readings[teacher]?.set(temperature, reading);
    return reading;
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
    const part = this.#index[view]?.[teacher]?.[shard]?.[chunk]?.find(
      (p) => inChunk >= p.from && inChunk < p.from + p.rows,
    );
    if (!part) {
      const where = view === 0 ? "" : `, view ${view}`;
      throw new StillhouseError(
        `Cannot read the labels of teacher ${teacher}, shard ${shard}${where}, chunk ${chunk}, place ${inChunk}: they have not arrived`,
      );
    }
    return this.#parts.rowOf(part, inChunk - part.from);
  }

  close(): void {
    this.#parts.close();
  }
}

/** The list at a place of a list of lists, made where there is none. */
function inner<T>(of: T[][], place: number): T[] {
  const found = of[place] ?? [];
  of[place] = found;
  return found;
}
