import { type ChunkRef, dispatchOrder, type Ordered, trainChunks } from "./order.ts";

/** A chunk of one view of a dataset. */
export interface ViewedChunk extends ChunkRef {
  /** Number of the view, 0 for the samples themselves. */
  readonly view: number;
}

/**
 * The order in which teachers label, and in which students are told how far that has come: all chunks as they are, then
 * view by view those that hold training samples.
 * @param views that are labelled, view 0 among them
 */
export function labelOrder(dataset: Ordered, chunkSize: number, views: number): ViewedChunk[] {
  const later = views > 1 ? trainChunks(dataset, chunkSize) : [];
  return [
    ...dispatchOrder(dataset, chunkSize).map((chunk) => ({ ...chunk, view: 0 })),
    ...Array.from({ length: Math.max(0, views - 1) }, (_, i) =>
      later.map((chunk) => ({ ...chunk, view: i + 1 })),
    ).flat(),
  ];
}
