import type { Bus } from "../shared/bus/bus.ts";
import { readNumericsOf } from "../shared/cluster/numerics.ts";
import { encodingOf } from "../shared/config/encodingOf.ts";
import { temperaturesRead } from "../shared/config/temperaturesRead.ts";
import type { Shard } from "../shared/data/dataset.ts";
import { columnsOf } from "../shared/evaluate/columnsOf.ts";
import type { TeacherReport } from "../shared/evaluate/reportSchema.ts";
import { storageLoss } from "../shared/evaluate/storageLoss.ts";
import { encodingText } from "../shared/labels/encodingText.ts";
import { firstRows } from "../shared/labels/probeRows.ts";
import { rowDraws } from "../shared/labels/rowDraws.ts";
import { rowBytes } from "../shared/labels/rowLayout.ts";
import { floatsOfBytes } from "../shared/model/bytes.ts";
import { decode } from "../shared/protocol/codec.ts";
import { PLAIN_VIEW } from "../shared/protocol/identifiers.ts";
import { ImportedTeacher } from "../shared/protocol/imports.ts";
import type { RunTeacher } from "../shared/protocol/run.ts";
import { buckets, importKeys } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";

/**
 * How a teacher's answers are stored, and what that loses: measured on its answers to the probe, which are kept as it gave
 * them, at the temperatures at which the run reads.
 * @param place the teacher's in the spec
 * @param own temperature that its logits are divided by
 */
export async function storageReport(
  { bus, store, dataset }: CoordinatorContext,
  place: number,
  own: number,
): Promise<TeacherReport["storage"]> {
  const { spec, teachers } = store.record;
  const { name, ready } = teachers[place] as RunTeacher;
  if (!ready) throw new RangeError(`Cannot report on teacher "${name}": it is not there`);
  const { stored, ...reading } = encodingOf(spec, place);
  const { classes } = dataset;
  const about = {
    encoding: encodingText(stored),
    bytesPerSample: rowBytes({ encoding: stored, classes, features: ready.features }),
  };
  const [first] = dataset.shards as [Shard];
  const logits = await keptLogits(bus, ready, first.hash, classes);
  if (!logits) return { ...about, samples: 0, read: [] };
  const samples = logits.length / classes;
  const key = { labelling: ready.labelling, shard: first.hash, view: PLAIN_VIEW };
  const draws = rowDraws(key, firstRows(first, samples));
  return {
    ...about,
    samples,
    read: temperaturesRead(spec, place, own).map(({ temperature, declared }) => ({
      temperature,
      declared,
      ...storageLoss(stored, logits, classes, { ...reading, temperature }, draws),
    })),
  };
}

/** Logits of the first rows of a shard as the teacher gave them, [rows, classes]; undefined: nobody kept them. */
async function keptLogits(
  bus: Bus,
  { identity, labelling }: NonNullable<RunTeacher["ready"]>,
  shard: string,
  classes: number,
): Promise<Float32Array | undefined> {
  const probed = await readNumericsOf(bus, labelling, shard);
  // Features follow on logits.
  const ofLogits = Array.from({ length: classes }, (_, c) => c);
  if (probed) return columnsOf(floatsOfBytes(probed.logits), probed.shape[1], ofLogits);
  const entry = await (await bus.kv(buckets.imports)).get(importKeys.labelling(identity, labelling));
  const probe = entry && decode(ImportedTeacher, entry.value, `imported teacher ${identity}`).probe;
  return probe?.shard === shard ? floatsOfBytes(probe.logits) : undefined;
}
