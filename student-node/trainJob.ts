import type { KeyValue, ObjectStore } from "../shared/bus/bus.ts";
import { CorruptObject } from "../shared/bus/errors.ts";
import { encodingsOf } from "../shared/config/encodingOf.ts";
import { sha256 } from "../shared/determinism/hash.ts";
import type { FeaturePlan } from "../shared/distill/features/planFeatures.ts";
import { StillhouseError } from "../shared/errors.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import { Event } from "../shared/protocol/events.ts";
import {
  CheckpointPointer,
  type JobKey,
  JobResult,
  jobName,
  type LineageEntry,
} from "../shared/protocol/jobs.ts";
import { knownClasses, type RunRecord } from "../shared/protocol/run.ts";
import { buckets, jobKeys, runEventSubject } from "../shared/protocol/subjects.ts";
import { decodeCheckpoint } from "./checkpoint.ts";
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
  const checkpoints = new Checkpoints(
    jobs,
    await bus.objects(buckets.checkpoints),
    jobKeys.checkpoint(run, jobName(job)),
  );
  const resumed = await checkpoints.load();
  const lineage: LineageEntry[] = [
    ...(resumed?.pointer.lineage ?? []),
    { node, fromStep: resumed?.pointer.step ?? 0 },
  ];
  log.info({ run, job: jobName(job), fromStep: resumed?.pointer.step ?? 0 }, "training student");

  const heard = job.kind === "student" ? exchange : undefined;
  // Of the two checkpoints that are kept, the older: a damaged last one is no reason to be stuck.
  let lastSaved = resumed?.pointer.step ?? 0;
  const startedAt = clock.now();
  const secondsSoFar = (): number => (resumed?.pointer.seconds ?? 0) + (clock.now() - startedAt) / 1000;
  const trained = await compute.train(
    {
      job,
      runSeed: spec.seed,
      dataHash: data.hash,
      student: spec.student,
      seeds: spec.seeds,
      ensemble: spec.ensemble,
      distill: spec.distill,
      teachers: teachers.map(({ name }) => name),
      known: knownClasses(teachers),
      views: spec.views,
      encodings: encodingsOf(spec),
      chunkSize: spec.labels.chunkSize,
      features,
      compute: spec.compute,
      checkpoint: resumed?.state ?? null,
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

/** The checkpoints of one training: the blob first, then the pointer; the one before is kept until the next. */
class Checkpoints {
  readonly #jobs: KeyValue;
  readonly #objects: ObjectStore;
  readonly #key: string;
  #last: { pointer: CheckpointPointer; revision: number } | undefined;

  constructor(jobs: KeyValue, objects: ObjectStore, key: string) {
    this.#jobs = jobs;
    this.#objects = objects;
    this.#key = key;
  }

  /** The last checkpoint that can be read: the one before it when its blob is lost or corrupt. */
  async load(): Promise<{ pointer: CheckpointPointer; state: Uint8Array } | undefined> {
    const entry = await this.#jobs.get(this.#key);
    if (!entry) return undefined;
    const pointer = decode(CheckpointPointer, entry.value, `checkpoint ${this.#key}`);
    this.#last = { pointer, revision: entry.revision };
    const state = await this.#read(pointer.object);
    if (state) return { pointer, state };
    const earlier = pointer.previous && (await this.#read(pointer.previous));
    if (!earlier) return undefined;
    const { previousStep: _, ...rest } = pointer;
    const before = {
      ...rest,
      object: pointer.previous as string,
      previous: null,
      step: decodeCheckpoint(earlier).step,
    };
    // What cannot be read is no previous checkpoint to keep.
    this.#last = { pointer: before, revision: entry.revision };
    return { pointer: before, state: earlier };
  }

  async save(at: Pick<CheckpointPointer, "step" | "lineage" | "seconds">, state: Uint8Array): Promise<void> {
    const object = `${this.#key}.${at.step}.${sha256(state)}`;
    await this.#objects.put(object, state);
    const before = this.#last?.pointer;
    const pointer: CheckpointPointer = {
      type: "checkpoint",
      object,
      previous: before?.object ?? null,
      ...(before && { previousStep: before.step }),
      ...at,
    };
    const value = encode(CheckpointPointer, pointer);
    const revision = this.#last
      ? await this.#jobs.update(this.#key, value, this.#last.revision)
      : await this.#jobs.create(this.#key, value);
    this.#last = { pointer, revision };
    if (before?.previous && before.previous !== object) await this.#objects.delete(before.previous);
  }

  /** After the result is stored nobody goes on from here. */
  async remove(): Promise<void> {
    const last = this.#last?.pointer;
    if (!last) return;
    await this.#jobs.delete(this.#key);
    for (const object of [last.object, last.previous]) if (object) await this.#objects.delete(object);
  }

  async #read(object: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#objects.get(object);
    } catch (error) {
      if (error instanceof CorruptObject) return undefined;
      throw error;
    }
  }
}
