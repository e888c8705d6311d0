import { exportLabels } from "../../../coordinator/labelLog/exportLabels.ts";
import {
  findTeachers,
  type LogTeacher,
  TeacherNotFound,
} from "../../../coordinator/labelLog/findTeachers.ts";
import { loadSpec } from "../../../shared/config/load.ts";
import { openDataset } from "../../../shared/data/open.ts";
import { streams } from "../../../shared/protocol/subjects.ts";
import { count, size } from "../../view/numbers.ts";
import { Progress } from "../../view/progress.ts";
import { onServer, type StoreChoice } from "../onServer.ts";

export interface ExportFileOptions extends StoreChoice {
  teacher?: string;
  out: string;
  view: number;
  partial?: boolean;
  type: "float32" | "float16";
}

/** `stillhouse labels export SPEC --out FILE`: a teacher's labels of the log as one NPZ file. */
export async function exportFile(specPath: string, options: ExportFileOptions): Promise<number> {
  const { spec, baseDir } = await loadSpec(specPath);
  if (options.teacher === undefined && spec.teachers.length > 1) {
    const names = spec.teachers.map(({ name }) => name).join(", ");
    throw new TeacherNotFound(
      `Cannot export labels of spec "${spec.name}" as a file holds those of one teacher, and it has ${spec.teachers.length}: give --teacher, one of [${names}]`,
    );
  }
  const dataset = await openDataset(spec.data, baseDir);
  return onServer(options, "labels export", "No file was written.", async ({ bus, signal }) => {
    const [teacher] = (await findTeachers(bus, spec, baseDir, dataset, options.teacher)) as [LogTeacher];
    const progress = new Progress("export", "samples/s");
    const { samples, needed, bytes } = await exportLabels({
      log: await bus.log(streams.labels.name, streams.labels.filter),
      dataset,
      spec,
      teacher,
      view: options.view,
      partial: options.partial ?? false,
      type: options.type,
      path: options.out,
      signal,
      onProgress: (done, total) => progress.update(done, total),
    }).finally(() => progress.end());
    process.stdout.write(
      [
        `${options.out}  ${teacher.name} on ${dataset.name}, ${size(bytes)}`,
        `  samples    ${count(samples)}${samples < needed ? ` of the ${count(needed)} that the data needs` : ""}, ${count(dataset.classes)} numbers each in ${options.type}`,
        `  identity   ${teacher.identity}`,
        `  labelling  ${teacher.labelling}`,
        "",
      ].join("\n"),
    );
    return 0;
  });
}
