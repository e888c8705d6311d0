import type { Quorum } from "../shared/config/ensembleSpec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import type { QuorumReport } from "../shared/evaluate/reportSchema.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";
import { presentTeachers } from "./presentTargets.ts";

/** What a run's decisions left out: of its chunks, and of the training samples. */
export function quorumFindings(
  labels: LabelStoreReader,
  dataset: Dataset,
  teachers: number,
  { teachers: needed }: Quorum,
): QuorumReport {
  const decided = [...labels.presence.decided];
  const ids = dataset.splits.train;
  const truth = gatherLabels(dataset, ids);
  const said = presentTeachers(labels, dataset, teachers, 0, ids);
  const counts = new Array<number>(teachers).fill(0);
  let [labelsAlone, leftOut] = [0, 0];
  truth.forEach((label, row) => {
    const own = said.subarray(row * teachers, (row + 1) * teachers);
    own.forEach((one, k) => {
      if (one === 0) counts[k] = (counts[k] as number) + 1;
    });
    if (own.reduce((sum, one) => sum + one, 0) >= needed) return;
    if (label >= 0) labelsAlone++;
    else leftOut++;
  });
  return {
    chunks: decided.length,
    belowAll: decided.filter(({ present }) => present.length < teachers).length,
    belowQuorum: decided.filter(({ present }) => present.length < needed).length,
    missing: counts.map((count) => count / Math.max(1, ids.length)),
    labelsAlone,
    leftOut,
  };
}
