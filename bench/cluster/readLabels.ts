import type { Bus } from "../../shared/bus/bus.ts";
import { encodingsOf } from "../../shared/config/encodingOf.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import type { LabelStoreLayout } from "../../shared/labels/labelStoreReader.ts";
import type { KnownPart, LabelStoreWriter } from "../../shared/labels/labelStoreWriter.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { LabelFeed } from "../../student-node/labelFeed.ts";
import { simulatedTeachers } from "./simulatedRun.ts";

/** A simulated run's labels on their way from the log into a local store, as a student node reads them. */
export interface ReadLabels {
  readonly feed: LabelFeed;
  readonly store: LabelStoreWriter;
  /** Ends with the reading. */
  readonly reading: Promise<void>;
}

/** How the store is to be read. */
export function storeLayout(spec: RunSpec, dataset: Dataset): LabelStoreLayout {
  return {
    encodings: encodingsOf(spec),
    classes: dataset.classes,
    chunkSize: spec.labels.chunkSize,
    cacheBytes: spec.student.labelCacheBytes,
  };
}

export function readLabels(
  bus: Bus,
  spec: RunSpec,
  dataset: Dataset,
  store: LabelStoreWriter,
  onParts: (parts: readonly KnownPart[]) => void,
  signal: AbortSignal,
): ReadLabels {
  const teachers = simulatedTeachers(spec);
  const feed = new LabelFeed({
    bus,
    dataset,
    labellings: teachers.map(({ ready }) => ready.labelling),
    features: teachers.map(() => []),
    views: [PLAIN_VIEW],
    chunkSize: spec.labels.chunkSize,
    encodings: encodingsOf(spec).map(({ stored }) => stored),
    store,
    onParts,
  });
  const reading = feed.run(signal);
  reading.catch(() => undefined);
  return { feed, store, reading };
}
