import type { Dataset, Shard } from "../shared/data/dataset.ts";
import type { View } from "../shared/data/views/view.ts";
import { StillhouseError } from "../shared/errors.ts";
import { PLAIN_VIEW } from "../shared/protocol/identifiers.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import type { ChunkKey } from "../shared/protocol/subjects.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";
import { viewsOfRun } from "./viewsOfRun.ts";

/** Work on a shard that no live run has: its run is over, or this node has not heard of it yet. */
export class UnknownShard extends StillhouseError {}
/** The same of a view. */
export class UnknownView extends StillhouseError {}

export interface FoundWork {
  readonly dataset: Dataset;
  readonly shardIndex: number;
  readonly shard: Shard;
  /** Undefined for the samples themselves. */
  readonly view: View | undefined;
}

/**
 * Finds the shard and the view that a work item means in those runs that the teacher is served for: two runs may share
 * a teacher and differ in their data or views.
 * @throws UnknownShard, UnknownView, DataNotHere; all may pass, so they say `retry`
 */
export async function findWork(
  context: Pick<NodeContext, "compute" | "data" | "node" | "inCompute">,
  { name, runs }: ServedTeacher,
  work: ChunkKey,
): Promise<FoundWork> {
  const having = runs.filter(({ shards }) => shards.some(({ hash }) => hash === work.shard));
  const fields = { shard: work.shard, view: work.view };
  if (having.length === 0) {
    const known = runs.flatMap(({ shards }) => shards.map(({ hash }) => hash));
    throw new UnknownShard(
      `Cannot label chunk ${work.chunk} of shard ${work.shard} with teacher "${name}" as no run that needs it has such a shard: they have ${known.join(", ")}`,
      { fields: { ...fields, known }, retry: true },
    );
  }
  for (const run of having) {
    const dataset = await openHere(context, run);
    const views = viewsOfRun(run, dataset);
    if (work.view !== PLAIN_VIEW && !views.has(work.view)) continue;
    const shardIndex = dataset.shards.findIndex(({ hash }) => hash === work.shard);
    const shard = dataset.shards[shardIndex] as Shard;
    return { dataset, shardIndex, shard, view: views.get(work.view) };
  }
  throw new UnknownView(
    `Cannot label chunk ${work.chunk} of shard ${work.shard} with teacher "${name}" as no run that needs it has the view ${work.view}: it is none of theirs`,
    { fields, retry: true },
  );
}

async function openHere(
  { compute, data, node, inCompute }: Pick<NodeContext, "compute" | "data" | "node" | "inCompute">,
  run: RunRecord,
): Promise<Dataset> {
  const dataset = await data.open(run.data, `teacher node ${node}`);
  if (!inCompute.has(dataset.hash)) {
    await compute.openData(dataset);
    inCompute.add(dataset.hash);
  }
  return dataset;
}
