import { planRun } from "../../coordinator/plan.ts";
import { loadSpec } from "../../shared/config/load.ts";
import { openDataset } from "../../shared/data/open.ts";
import { bytesPerRow } from "../../shared/labels/encoding.ts";

/** `stillhouse plan SPEC`: checks the spec against the data, and prints what a run would do. */
export async function plan(specPath: string, options: { json?: boolean }): Promise<number> {
  const { spec, baseDir } = await loadSpec(specPath);
  const dataset = await openDataset(spec.data, baseDir);
  const planned = planRun(spec, dataset);
  if (options.json) {
    const { chunks, ...rest } = planned;
    process.stdout.write(
      `${JSON.stringify({ name: spec.name, data: dataset.hash, chunks: chunks.length, ...rest }, null, 2)}\n`,
    );
    return 0;
  }
  const n = (value: number): string => value.toLocaleString("en");
  const { train, validation, test } = dataset.splits;
  const imported = spec.teachers.flatMap((teacher) => ("labels" in teacher ? [teacher.name] : []));
  const lines = [
    `${spec.name}: ${spec.teachers.length} teachers, ${spec.seeds.length} students${spec.baseline ? ", and each alone" : ""}`,
    `data      ${dataset.name} ${dataset.hash}`,
    `          ${n(train.length)} train, ${n(validation.length)} validation, ${n(test.length)} test; [${dataset.inputShape.join(", ")}], ${dataset.classes} classes; ${dataset.shards.length} shards`,
    `labels    ${n(planned.chunks.length)} chunks of ${n(spec.labels.chunkSize)} a teacher, ${n(planned.passes)} teacher passes if the log is empty`,
    `          ${bytesPerRow(spec.labels.encoding, dataset.classes)} bytes a sample (${spec.labels.encoding}), about ${megabytes(planned.labelBytes)} in the log; limit ${megabytes(spec.labels.maxLogBytes)}`,
    ...(imported.length > 0
      ? [`          those of ${imported.join(", ")} come from elsewhere and need no pass`]
      : []),
    "trainings",
    ...planned.trainings.map(
      ({ name, parameters, epochs, stepsPerEpoch }) =>
        `          ${name.padEnd(28)} ${n(parameters ?? 0).padStart(11)} parameters, ${epochs} epochs of ${n(stepsPerEpoch)} steps = ${n(epochs * stepsPerEpoch)} steps`,
    ),
    `nodes     ${spec.nodes.teachers} teacher nodes, ${spec.nodes.studentWorkers} trainings at once in the student node`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
