import type { Dataset } from "./dataset.ts";

/**
 * The data as a teacher sees it that knows a part of the classes: they are counted anew in the order of the list, and
 * samples of others have no label.
 */
export function dataOfClasses(dataset: Dataset, known: readonly number[]): Dataset {
  const place = Int32Array.from({ length: dataset.classes }, (_, c) => known.indexOf(c));
  return {
    ...dataset,
    classes: known.length,
    labels: dataset.labels.map((labels) =>
      labels.map((label) => (label < 0 ? -1 : (place[label] as number))),
    ),
  };
}
