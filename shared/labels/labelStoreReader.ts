import type { TeacherEncoding } from "../config/encodingOf.ts";
import { StillhouseError } from "../errors.ts";
import type { FeatureLayout } from "../protocol/features.ts";
import { bytesPerRow, decodeRow, decodeStored } from "./encoding.ts";
import type { StoredPart } from "./labelStoreWriter.ts";
import { Presence } from "./presence.ts";
import { featureBytes, featureEncoding, sizeOfFeature } from "./rowLayout.ts";
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
  /** By view, teacher and shard, and there by chunk. */
  readonly #index = new Map<string, StoredPart[][]>();
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
    return this.#parts.rowOf(part, inChunk - part.from);
  }

  close(): void {
    this.#parts.close();
  }
}

function indexName(view: number, teacher: number, shard: number): string {
  return `${view}/${teacher}/${shard}`;
}
