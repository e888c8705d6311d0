import type { DataSpec } from "../config/dataSpec.ts";
import type { Task } from "../config/tasks.ts";
import { rowOf, type Shard, shardOf } from "./dataset.ts";
import { DataError } from "./errors.ts";
import type { Source } from "./source.ts";
import type { TrainSplit } from "./split.ts";
import { splitTargets } from "./splitTargets.ts";
import { plainScale, targetScale } from "./targetScale.ts";
import { gatherValues, type Targets } from "./targets.ts";

export interface OpenedTargets {
  readonly split: TrainSplit;
  readonly targets: Targets;
  /** One a shard: 0 where something is known of a row, -1 where nothing is. */
  readonly labels: readonly Int32Array[];
}

/**
 * Targets of multi-label or regression as a dataset holds them: cut where the shards are, hidden where `labelled` says,
 * and with the scale of the training split.
 * @throws DataError for targets that are no targets of the task, and for splits of which nothing is known
 */
export function openTargets(
  spec: DataSpec,
  task: Exclude<Task, "classification">,
  sources: { train: Source; test: Source; outputs: number },
  shards: { train: readonly Shard[]; test: readonly Shard[] },
): OpenedTargets {
  const { train, test, outputs } = sources;
  for (const source of [train, test]) requireTargets(task, source, outputs);
  const trainValues = cut(train.targets as Float32Array, outputs, shards.train);
  const testValues = cut(test.targets as Float32Array, outputs, shards.test);
  const split = splitTargets(
    shards.train,
    trainValues.map((of) => knownRows(of, outputs)),
    spec,
  );
  for (const id of split.hidden) {
    trainValues[shardOf(id)]?.fill(Number.NaN, rowOf(id) * outputs, (rowOf(id) + 1) * outputs);
  }
  const values = [...trainValues, ...testValues];
  const plain: Targets = { task, values, scale: plainScale(outputs) };
  const validation = gatherValues(plain, outputs, split.validation);
  requireSomething(task, validation, `the ${split.validation.length} samples of the validation split`);
  requireSomething(task, test.targets as Float32Array, `"${test.from.labels}"`);
  const standardise = task === "regression" && spec.standardise !== false;
  return {
    split,
    targets: standardise
      ? { ...plain, scale: targetScale(gatherValues(plain, outputs, split.train), outputs) }
      : plain,
    labels: values.map((of) => knownRows(of, outputs)),
  };
}

function cut(targets: Float32Array, outputs: number, shards: readonly Pick<Shard, "rows">[]): Float32Array[] {
  let from = 0;
  return shards.map(({ rows }) => {
    const of = new Float32Array(new SharedArrayBuffer(4 * rows * outputs));
    of.set(targets.subarray(from * outputs, (from + rows) * outputs));
    from += rows;
    return of;
  });
}

function knownRows(values: Float32Array, outputs: number): Int32Array {
  const rows = values.length / outputs;
  const known = new Int32Array(new SharedArrayBuffer(4 * rows)).fill(-1);
  values.forEach((value, i) => {
    if (!Number.isNaN(value)) known[Math.floor(i / outputs)] = 0;
  });
  return known;
}

function requireTargets(task: Targets["task"], { targets, rows, from }: Source, outputs: number): void {
  if (targets === undefined || targets.length !== rows * outputs) {
    throw new DataError(
      `Cannot learn "${task}" from "${from.labels}": it has ${targets?.length ?? 0} targets for ${rows} samples; expected ${outputs} for each`,
      { fields: { file: from.labels, rows, outputs } },
    );
  }
  const bad = targets.findIndex((value) =>
    task === "multi-label"
      ? !(value === 0 || value === 1 || Number.isNaN(value))
      : Math.abs(value) === Number.POSITIVE_INFINITY,
  );
  if (bad < 0) return;
  const row = Math.floor(bad / outputs);
  const expected =
    task === "multi-label"
      ? "0 or 1 for each class, and -1 or NaN where it is not known"
      : "finite numbers, and NaN where one is not known";
  throw new DataError(
    `Cannot use the target ${targets[bad]} of row ${row}, output ${bad % outputs}, of "${from.labels}": expected ${expected}`,
    { fields: { file: from.labels, row, output: bad % outputs, value: String(targets[bad]) } },
  );
}

/** A score of nothing is none, and average precision needs a sample that has a class. */
function requireSomething(task: Targets["task"], values: Float32Array, where: string): void {
  const found = values.some((value) => (task === "multi-label" ? value === 1 : !Number.isNaN(value)));
  if (found) return;
  const what = task === "multi-label" ? "no sample has any class" : "no target is known";
  throw new DataError(
    `Cannot measure "${task}" on ${where}: ${what}; expected one at least, so give more targets, or another data.validation`,
    { fields: { task, where } },
  );
}
