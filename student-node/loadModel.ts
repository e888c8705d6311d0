import type { Bus } from "../shared/bus/bus.ts";
import { readResult } from "../shared/cluster/jobResults.ts";
import { StillhouseError } from "../shared/errors.ts";
import { type JobKey, jobName } from "../shared/protocol/jobs.ts";
import { buckets } from "../shared/protocol/subjects.ts";
import type { StoredModel } from "./compute.ts";

/** The model of a finished training. @throws StillhouseError where there is none */
export async function loadModel(bus: Bus, run: string, job: JobKey): Promise<StoredModel> {
  const result = await readResult(bus, run, job);
  const weights = await bus.objects(buckets.weights);
  const artifact = result && (await weights.get(result.artifact));
  const exits = result?.exits && (await weights.get(result.exits));
  if (artifact && (exits || !result.exits)) return { artifact, ...(exits && { exits }) };
  throw new StillhouseError(
    `Cannot evaluate ${jobName(job)} of run ${run}: its ${artifact ? "early exits are" : "model is"} not stored`,
  );
}
