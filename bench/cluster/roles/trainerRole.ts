import pino from "pino";
import { systemClock } from "../../../shared/bus/clock.ts";
import { openDataset } from "../../../shared/data/open.ts";
import { DataSources } from "../../../shared/data/openSource.ts";
import { planFeatures } from "../../../shared/distill/features/planFeatures.ts";
import { LabelStoreWriter } from "../../../shared/labels/labelStoreWriter.ts";
import { decode } from "../../../shared/protocol/codec.ts";
import { Event } from "../../../shared/protocol/events.ts";
import { type JobKey, JobResult, jobName } from "../../../shared/protocol/jobs.ts";
import { buckets, jobKeys, runEventSubject } from "../../../shared/protocol/subjects.ts";
import { trainJob } from "../../../student-node/trainJob.ts";
import { workerStudentCompute } from "../../../student-node/workerCompute.ts";
import { type ReadLabels, readLabels, storeLayout } from "../readLabels.ts";
import type { Role, RoleTask } from "../role.ts";
import { RUN, simulatedRecord } from "../simulatedRun.ts";
import { connectRole } from "./connect.ts";

/** One training of a student node, in its worker thread, on labels as they come. */
export async function openTrainer({ url, spec }: Extract<RoleTask, { role: "trainer" }>): Promise<Role> {
  const stop = new AbortController();
  const bus = await connectRole(url, "student");
  const dataset = await openDataset(spec.data, ".");
  const store = new LabelStoreWriter();
  const compute = workerStudentCompute({ prefer: "compiled" }, systemClock);
  const backend = await compute.backend();
  if (backend !== "compiled") throw new Error(`the student computes on ${backend}, and not compiled`);
  await compute.openData(dataset);
  let labels: ReadLabels | undefined;
  await compute.openLabels(store.path, storeLayout(spec, dataset), async (parts) => {
    if (!labels) throw new Error("labels were asked for before the log was read");
    return labels.feed.again(parts);
  });
  const record = simulatedRecord(spec, dataset, 0);
  const job: JobKey = { kind: "student", seed: spec.seeds[0] as number };
  let samplesPerS = 0;
  bus.subscribe(runEventSubject(RUN), ({ data }) => {
    const event = decode(Event, data, "progress");
    if (event.type === "job-progress") samplesPerS = event.samplesPerS;
  });
  return {
    async work() {
      labels = readLabels(
        bus,
        spec,
        dataset,
        store,
        (parts) => void compute.addLabels(parts).catch(() => undefined),
        stop.signal,
      );
      const { feed } = labels;
      await trainJob(
        {
          bus,
          clock: systemClock,
          node: "student",
          log: pino({ level: "silent" }),
          signal: stop.signal,
          makeCompute: () => compute,
          data: new DataSources(),
          doing: new Set(),
        },
        record,
        job,
        planFeatures(spec, dataset),
        compute,
        (count) => feed.upTo(count),
        undefined,
      );
      const entry = await (await bus.kv(buckets.jobs)).get(jobKeys.result(RUN, jobName(job)));
      if (!entry) throw new Error("the training left no result");
      const { steps, waitSeconds } = decode(JobResult, entry.value, "result");
      return { steps, waitSeconds, samplesPerS };
    },
    async close() {
      stop.abort();
      await labels?.reading.catch(() => undefined);
      await compute.close();
      store.close();
      await bus.close();
    },
  };
}
