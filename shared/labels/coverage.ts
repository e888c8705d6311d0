import { chunkRows } from "../data/chunks.ts";
import { type Dataset, type Shard, type Split, sampleId, splits } from "../data/dataset.ts";
import { dispatchOrder } from "../data/order.ts";
import type { ImportedLabels } from "./importedLabels.ts";
import { BadLabelFile } from "./labelFile.ts";

/**
 * Refuses labels that lack a sample of a chunk which the data needs. Chunks are labelled whole, so that other runs can
 * use them: with `data.limit` samples that were left out need labels too.
 * @throws BadLabelFile with how many samples of each split are missing, and the first of them
 */
export function requireCoverage(
  labels: Pick<ImportedLabels, "file" | "has">,
  dataset: Dataset,
  chunkSize: number,
): void {
  const missing: number[] = [];
  let needed = 0;
  for (const { shard, chunk } of dispatchOrder(dataset, chunkSize)) {
    const { hash, rows } = dataset.shards[shard] as Shard;
    for (const row of chunkRows(hash, rows, chunkSize, chunk)) {
      needed++;
      if (!labels.has(shard, row)) missing.push(sampleId(shard, row));
    }
  }
  if (missing.length === 0) return;
  missing.sort((a, b) => a - b);
  const few = missing.slice(0, 5).join(", ") + (missing.length > 5 ? ", ..." : "");
  const counts = countBySplit(missing, dataset);
  throw new BadLabelFile(
    `Cannot use the labels of "${labels.file}": it lacks ${missing.length} of the ${needed} samples of the data (${counts}), which are ${few}; ` +
      "expected a label for each sample of train, validation and test, and of the chunks that they are in",
    { fields: { file: labels.file, missing: missing.length, needed, first: missing.slice(0, 5) } },
  );
}

function countBySplit(ids: readonly number[], { splits: idsOf }: Dataset): string {
  const splitOf = new Map<number, Split>();
  for (const split of splits) for (const id of idsOf[split]) splitOf.set(id, split);
  const counts = new Map<string, number>();
  for (const id of ids) {
    const split = splitOf.get(id) ?? "left out by data.limit";
    counts.set(split, (counts.get(split) ?? 0) + 1);
  }
  return [...counts].map(([split, count]) => `${count} ${split}`).join(", ");
}
