import type { Dataset, Shard } from "../shared/data/dataset.ts";
import { StillhouseError } from "../shared/errors.ts";
import type { LabelChunk } from "../shared/protocol/work.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";

/** Work on a shard that no live run has: its run is over, or this node has not heard of it yet. */
export class UnknownShard extends StillhouseError {}

/**
 * Finds the shard that a work item means in the data of those runs that the teacher is served for: two runs may share
 * a teacher and differ in their data.
 * @throws UnknownShard, DataNotHere; both may pass, so both say `retry`
 */
export async function findShard(
  { compute, data, node, inCompute }: NodeContext,
  { name, runs }: ServedTeacher,
  work: LabelChunk,
): Promise<{ dataset: Dataset; shardIndex: number; shard: Shard }> {
  const run = runs.find(({ shards }) => shards.some(({ hash }) => hash === work.shard));
  if (!run) {
    const known = runs.flatMap(({ shards }) => shards.map(({ hash }) => hash));
    throw new UnknownShard(
      `Cannot label chunk ${work.chunk} of shard ${work.shard} with teacher "${name}" as no run that needs it has such a shard: they have ${known.join(", ")}`,
      { fields: { shard: work.shard, known }, retry: true },
    );
  }
  const dataset = await data.open(run.data, `teacher node ${node}`);
  if (!inCompute.has(dataset.hash)) {
    await compute.openData(dataset);
    inCompute.add(dataset.hash);
  }
  const shardIndex = dataset.shards.findIndex(({ hash }) => hash === work.shard);
  return { dataset, shardIndex, shard: dataset.shards[shardIndex] as Shard };
}
