import type { DataSpec } from "../config/dataSpec.ts";
import type { Dataset } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { gatherLabels } from "./gather.ts";

/**
 * The data as the students of a run see it: a training split without the classes that `data.transfer` leaves out.
 * Everything else, the hash included, is the data's own, so that teachers, labels and the agreement on what the data is
 * are the same with and without.
 * @throws DataError for a class that the data does not have, or when nothing is left
 */
export function transferSet(dataset: Dataset, { transfer }: Pick<DataSpec, "transfer">): Dataset {
  if (transfer === undefined) return dataset;
  const { name, classes, splits } = dataset;
  const unknown = transfer.without.find((of) => of >= classes);
  if (unknown !== undefined) {
    throw new DataError(
      `Cannot leave class ${unknown} out of the transfer set of "${name}" as data.transfer.without asks: it has ${classes} classes; expected classes from 0 to ${classes - 1}`,
      { fields: { class: unknown, classes } },
    );
  }
  const left = new Set(transfer.without);
  const labels = gatherLabels(dataset, splits.train);
  const train = splits.train.filter((_, i) => !left.has(labels[i] as number));
  if (train.length === 0) {
    throw new DataError(
      `Cannot leave classes [${transfer.without}] out of the transfer set of "${name}" as data.transfer.without asks: none of its ${splits.train.length} training samples is left; leave fewer out`,
      { fields: { without: transfer.without, samples: splits.train.length } },
    );
  }
  return { ...dataset, splits: { ...splits, train } };
}
