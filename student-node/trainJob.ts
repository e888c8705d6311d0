import { Checkpoints } from "../shared/cluster/checkpoints.ts";
import { encodingsOf } from "../shared/config/encodingOf.ts";
import { studentOf } from "../shared/config/students.ts";
import { sha256 } from "../shared/determinism/hash.ts";
import type { FeaturePlan } from "../shared/distill/features/planFeatures.ts";
import { StillhouseError } from "../shared/errors.ts";
import { encode } from "../shared/protocol/codec.ts";
import { Event } from "../shared/protocol/events.ts";
import { type JobKey, JobResult, jobName } from "../shared/protocol/jobs.ts";
import { knownClasses, type RunRecord } from "../shared/protocol/run.ts";
import { buckets, jobKeys, runEventSubject } from "../shared/protocol/subjects.ts";
import type { StudentCompute } from "./compute.ts";
import type { StudentContext } from "./main.ts";
import type { PeerExchange } from "./peerExchange.ts";

/** Does one training from its last checkpoint to its result, and stores model and result. */
export async function trainJob(
  { bus, clock, node, log }: StudentContext,
  { run, spec, data, teachers }: RunRecord,
  job: JobKey,
  features: FeaturePlan,
  compute: StudentCompute,
  labelsUpTo: (count: number) => Promise<void>,
  exchange: PeerExchange | undefined,
): Promise<void> {
  const jobs = await bus.kv(buckets.jobs);
  const checkpoints = await Checkpoints.open(bus, jobKeys.checkpoint(run, jobName(job)), jobName(job));
  const { state, fromStep, lineage, secondsSoFar } = await checkpoints.resume(node, clock);
  log.info({ run, job: jobName(job), fromStep }, "training student");

  const { student, distill, seeds } = studentOf(spec, job.student);
  const heard = job.kind === "student" && job.student === undefined ? exchange : undefined;
  // Of the two checkpoints that are kept, the older: a damaged last one is no reason to be stuck.
  let lastSaved = fromStep;
  const trained = await compute.train(
    {
      job,
      runSeed: spec.seed,
      dataHash: data.hash,
      student,
      seeds,
      ensemble: spec.ensemble,
      distill,
      teachers: teachers.map(({ name }) => name),
      known: knownClasses(teachers),
      views: spec.views,
      encodings: encodingsOf(spec),
      chunkSize: spec.labels.chunkSize,
      features,
      compute: spec.compute,
      checkpoint: state,
    },
    {
      onProgress(progress) {
        const event: Event = { type: "job-progress", run, job, node, ...progress };
        bus.publish(runEventSubject(run), encode(Event, event));
      },
      async onCheckpoint(step, state) {
        await checkpoints.save({ step, lineage, seconds: secondsSoFar() }, state);
        if (heard) await heard.goesOnFrom(job, lastSaved);
        lastSaved = step;
      },
      labelsUpTo,
      publishWeights: (step, weights) => peersOf(heard, job).publish(job, step, weights),
      async peerWeights(seed, of, step) {
        const peer: JobKey = { kind: "student", seed };
        const weights = await peersOf(heard, job).take(peer, of);
        log.info(
          { run, job: jobName(job), step, peer: jobName(peer), weightsOfStep: of },
          `${jobName(job)} hears ${jobName(peer)} from step ${step} on, by its weights of step ${of}`,
        );
        return weights;
      },
    },
  );

  const artifact = sha256(trained.artifact);
  const weights = await bus.objects(buckets.weights);
  await weights.put(artifact, trained.artifact);
  const exits = trained.exits && sha256(trained.exits);
  if (trained.exits && exits) await weights.put(exits, trained.exits);
  const result: JobResult = {
    type: "job-result",
    job,
    artifact,
    artifactBytes: trained.artifact.byteLength,
    weightsHash: trained.weightsHash,
    parameters: trained.parameters,
    keptEpoch: trained.keptEpoch,
    steps: trained.steps,
    curve: trained.curve,
    lineage,
    seconds: secondsSoFar(),
    waitSeconds: trained.waitSeconds,
    ...(trained.correctedBias && { correctedBias: [...trained.correctedBias] }),
    ...(exits && { exits }),
    ...(trained.peers && { peers: trained.peers }),
    backend: await compute.backend(),
  };
  await jobs.put(jobKeys.result(run, jobName(job)), encode(JobResult, result));
  await checkpoints.remove();
  if (heard) await heard.goesOnFrom(job, Number.POSITIVE_INFINITY);
}

function peersOf(exchange: PeerExchange | undefined, job: JobKey): PeerExchange {
  if (exchange) return exchange;
  throw new StillhouseError(`Cannot exchange weights for ${jobName(job)}: its run's spec has no peers`);
}
