import type { TeacherEncoding } from "../config/encodingOf.ts";
import { StillhouseError } from "../errors.ts";
import type { FeatureLayout } from "../protocol/features.ts";
import { bytesPerRow, decodeRow, decodeStored } from "./encoding.ts";
import { HeldRows } from "./heldRows.ts";
import { labelBlocks } from "./labelBlocks.ts";
import type { KnownPart, LoggedPart } from "./labelStoreWriter.ts";
import { type LabelsOfSamples, PartIndex, type SamplePlace } from "./partIndex.ts";
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

/** Labels that neither the file nor memory has, though they were read: a fault of whoever did not hold them. */
export class LabelsNotHeld extends StillhouseError {}

/** Payloads of parts that lie in the label log alone, in the order asked for. */
export type ReadAgain = (parts: readonly LoggedPart[]) => Promise<readonly Uint8Array[]>;

/**
 * Reads labels by row of a shard, in any order. By itself it reads those of the samples themselves, view 0. Of parts that
 * lie in the log alone it reads what is held.
 */
export class LabelStoreReader implements ViewLabels, LabelsOfViews {
  readonly #held = new HeldRows();
  readonly #parts: StoredParts;
  readonly #index: PartIndex;
  /** By teacher and temperature. */
  readonly #readings: Map<number, Reading>[] = [];
  readonly #views = new Map<number, ViewLabels>();
  readonly #options: LabelStoreLayout;
  readonly #readAgain: ReadAgain | undefined;
  /** Counts how often everything was let go: what was on its way then is not kept. */
  #endings = 0;
  /** Whose labels of which chunk are used. */
  readonly presence = new Presence();

  /** @param readAgain reads parts that the file has no room for; absent: there are none */
  constructor(path: string, layout: LabelStoreLayout, readAgain?: ReadAgain) {
    this.#parts = new StoredParts(path, layout.cacheBytes, this.#held);
    this.#index = new PartIndex(layout.chunkSize);
    this.#options = layout;
    this.#readAgain = readAgain;
  }

  add(part: KnownPart): void {
    this.#index.add(part);
  }

  /** Whether some part that has arrived lies in the log alone, and so has to be held to be read. */
  get anyInLogAlone(): boolean {
    return this.#index.anyInLogAlone;
  }

  /** Bytes of rows that are held now. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Whether all labels that are used of some samples have arrived. */
  hasArrived(labels: LabelsOfSamples): boolean {
    return this.#index.hasAll(labels, this.at(labels.view).has);
  }

  /**
   * Resolves when labels that have arrived can be read: those that lie in the log alone from memory, until they are let go
   * as often as they were held.
   * @throws what reading them again throws
   */
  async hold(labels: LabelsOfSamples): Promise<void> {
    const rows = this.#index.rowsInLogAlone(labels, this.at(labels.view).has);
    if (rows.size === 0) return;
    const endings = this.#endings;
    const payloads = await this.#payloadsOf([...rows.keys()]);
    if (endings !== this.#endings) return;
    [...rows].forEach(([part, places], i) => {
      this.#held.take(part, places, payloads[i] as Uint8Array);
    });
  }

  /** Labels that were held are needed no more. */
  letGo(labels: LabelsOfSamples): void {
    // Of a teacher too that a decision has left out since.
    const rows = this.#index.rowsInLogAlone(labels, () => true);
    for (const [part, places] of rows) this.#held.letGo(part, places);
  }

  /** Nothing that was held, or is on its way, is needed any more. */
  letGoAll(): void {
    this.#endings++;
    this.#held.clear();
  }

  /**
   * Calls `use` with places in the list of samples of those whose labels by one teacher can be read meanwhile, until it was
   * called with all: memory holds a part of them at a time.
   */
  async inBlocks(
    teacher: number,
    samples: readonly SamplePlace[],
    use: (which: readonly number[]) => void,
  ): Promise<void> {
    if (!this.anyInLogAlone) return use([...samples.keys()]);
    const partOf = ({ shard, place }: SamplePlace) => this.#index.of(0, teacher, shard, place);
    for (const block of labelBlocks(samples, partOf)) {
      const labels = {
        view: 0,
        teachers: [teacher],
        samples: block.map((which) => samples[which] as SamplePlace),
      };
      await this.hold(labels);
      try {
        use(block);
      } finally {
        this.letGo(labels);
      }
    }
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
    const part = this.#index.at(view, teacher, shard, chunk, inChunk);
    if (part?.offset !== undefined) return this.#parts.rowOf(part, inChunk - part.from);
    const bytes = part && this.#held.of(part, inChunk - part.from);
    if (bytes) return { bytes, from: 0 };
    const where = view === 0 ? "" : `, view ${view}`;
    const what = `Cannot read the labels of teacher ${teacher}, shard ${shard}${where}, chunk ${chunk}, place ${inChunk}`;
    if (!part) throw new StillhouseError(`${what}: they have not arrived`);
    throw new LabelsNotHeld(`${what}: they lie in the label log alone, and are not held`);
  }

  #payloadsOf(parts: readonly LoggedPart[]): ReturnType<ReadAgain> {
    if (this.#readAgain) return this.#readAgain(parts);
    throw new LabelsNotHeld(
      `Cannot hold labels of ${parts.length} parts that lie in the label log alone: nobody here reads it`,
    );
  }

  close(): void {
    this.letGoAll();
    this.#parts.close();
  }
}
