import { findTeachers, type LogTeacher } from "../../../coordinator/labelLog/findTeachers.ts";
import { verifyLabels } from "../../../coordinator/labelLog/verifyLabels.ts";
import { systemClock } from "../../../shared/bus/clock.ts";
import { readNumerics } from "../../../shared/cluster/numerics.ts";
import type { BackendName } from "../../../shared/compute/backendNames.ts";
import { DEFAULT_THREADS } from "../../../shared/compute/computeSettings.ts";
import type { DeviceChoice } from "../../../shared/compute/deviceNames.ts";
import { loadSpec } from "../../../shared/config/load.ts";
import { openDataset } from "../../../shared/data/open.ts";
import { streams } from "../../../shared/protocol/subjects.ts";
import { workerTeacherCompute } from "../../../teacher-node/workerCompute.ts";
import { refuseMissingDevice } from "../../local/refuseMissingDevice.ts";
import { Progress } from "../../view/progress.ts";
import { type VerifiedTeacher, verdictOf, verifiedLines } from "../../view/verifiedView.ts";
import { onServer, type StoreChoice } from "../onServer.ts";
import { temperaturesOf } from "./temperaturesOf.ts";

export interface VerifyOptions extends StoreChoice {
  teacher?: string;
  share: number;
  seed: number;
  bound?: number;
  json?: boolean;
  backend?: BackendName;
  device?: DeviceChoice;
}

/** `stillhouse labels verify SPEC`: computes a share of the log's labels again. @returns 1 where one is not what it should be */
export async function verify(specPath: string, options: VerifyOptions): Promise<number> {
  const { spec, baseDir } = await loadSpec(specPath);
  await refuseMissingDevice(options.device);
  const dataset = await openDataset(spec.data, baseDir);
  return onServer(options, "labels verify", "Nothing was changed.", async ({ bus, signal }) => {
    const teachers = await findTeachers(bus, spec, baseDir, dataset, options.teacher);
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    const compute = workerTeacherCompute({ prefer: options.backend, device: options.device }, systemClock);
    const verifyOne = async (teacher: LogTeacher): Promise<VerifiedTeacher> => {
      const { name, labelling, encoding, features, model } = teacher;
      if (!model) return { name, labelling, encoding, found: null };
      const [first] = await readNumerics(bus, labelling);
      const threads = first?.computer.threads ?? spec.compute.threads.teacher ?? DEFAULT_THREADS;
      await compute.load({
        ...{ labelling, name, features, model: model.of, bytes: await model.bytes() },
        ...{ classes: dataset.classes, inputShape: dataset.inputShape, dataHash: dataset.hash },
        compute: { ...spec.compute, threads: { ...spec.compute.threads, teacher: threads } },
      });
      const progress = new Progress(name, "chunks/s");
      const found = await verifyLabels({
        ...{ log, dataset, teacher, spec, share: options.share, seed: options.seed },
        temperatures: temperaturesOf(spec),
        predict: (shard, rows, view) => compute.predict(labelling, dataset.hash, shard, rows, view),
        signal,
        onProgress: (done, total) => progress.update(done, total),
      }).finally(() => progress.end());
      await compute.unload(labelling);
      return { name, labelling, encoding, found, labelledBy: first?.computer ?? null };
    };
    const verifyAll = async (): Promise<VerifiedTeacher[]> => {
      await compute.openData(dataset);
      const all: VerifiedTeacher[] = [];
      for (const teacher of teachers) {
        const one = await verifyOne(teacher);
        if (!options.json) process.stdout.write(`${verifiedLines(one, options.bound).join("\n")}\n`);
        all.push(one);
      }
      return all;
    };
    try {
      const work = verifyAll();
      const verified = await (compute.gone ? Promise.race([work, compute.gone]) : work);
      const verdicts = verified.map((one) => ({ ...one, ...verdictOf(one, options.bound) }));
      if (options.json)
        process.stdout.write(`${JSON.stringify({ server: bus.address, teachers: verdicts }, null, 2)}\n`);
      // Where nothing could be computed again, nothing is known to be right.
      const failed = verdicts.some(({ verdict }) => verdict === "wrong" || verdict === "absent");
      return failed || !verdicts.some(({ verdict }) => verdict === "right") ? 1 : 0;
    } finally {
      await compute.close();
    }
  });
}
