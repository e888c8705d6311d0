import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus, KeyValue, ObjectStore } from "../shared/bus/bus.ts";
import { RevisionConflict } from "../shared/bus/errors.ts";
import { deletePeerWeights, peerObject } from "../shared/cluster/deletePeerWeights.ts";
import { isFinished, readResult } from "../shared/cluster/jobResults.ts";
import type { RunSpec } from "../shared/config/spec.ts";
import { sha256 } from "../shared/determinism/hash.ts";
import { selfTermsOf } from "../shared/distill/termsOf.ts";
import { StillhouseError } from "../shared/errors.ts";
import { encode } from "../shared/protocol/codec.ts";
import { type JobKey, jobName, PeerWeights } from "../shared/protocol/jobs.ts";
import { buckets, jobKeys } from "../shared/protocol/subjects.ts";
import { isPast } from "./self/peerSchedule.ts";

/** A peer's weights that a student needs will never be there: it has gone beyond them, and they were deleted. */
export class PeerWeightsGone extends StillhouseError {}

/** Fewer trainings at once than students that wait for each other. A node with more workers can do it. */
export class TooFewWorkers extends StillhouseError {}

/** E of a run whose students hear each other; undefined for another. */
export function exchangeStepsOf({ distill }: Pick<RunSpec, "distill">): number | undefined {
  for (const term of selfTermsOf(distill)) if (term.kind === "peers") return term.exchangeSteps;
  return undefined;
}

/**
 * The weights that the students of a run show each other, in the store under run, job and step. One node trains all of
 * a run's students, so it knows from where each would go on, and deletes what none can need any more.
 */
export class PeerExchange {
  readonly #bus: Bus;
  readonly #run: string;
  readonly #exchangeSteps: number;
  readonly #jobs: KeyValue;
  readonly #objects: ObjectStore;
  readonly #signal: AbortSignal;
  /** For each student, the step of the oldest checkpoint that it may go on from. */
  readonly #floors: Map<string, number>;

  static async open(
    bus: Bus,
    { run, spec }: { readonly run: string; readonly spec: Pick<RunSpec, "distill" | "seeds"> },
    signal: AbortSignal,
  ): Promise<PeerExchange | undefined> {
    const exchangeSteps = exchangeStepsOf(spec);
    if (exchangeSteps === undefined) return undefined;
    const floors = new Map<string, number>();
    for (const seed of spec.seeds) {
      const job = { kind: "student", seed } as const;
      floors.set(jobName(job), (await isFinished(bus, run, job)) ? Number.POSITIVE_INFINITY : 0);
    }
    const [jobs, objects] = [await bus.kv(buckets.jobs), await bus.objects(buckets.peers)];
    return new PeerExchange(bus, run, exchangeSteps, jobs, objects, floors, signal);
  }

  private constructor(
    bus: Bus,
    run: string,
    exchangeSteps: number,
    jobs: KeyValue,
    objects: ObjectStore,
    floors: Map<string, number>,
    signal: AbortSignal,
  ) {
    this.#bus = bus;
    this.#run = run;
    this.#exchangeSteps = exchangeSteps;
    this.#jobs = jobs;
    this.#objects = objects;
    this.#floors = floors;
    this.#signal = signal;
  }

  /** Shows the weights of a student after `step` steps. A student that goes on from a checkpoint may show them again. */
  async publish(job: JobKey, step: number, weights: Uint8Array): Promise<void> {
    const key = jobKeys.peer(this.#run, jobName(job), step);
    const object = `${key}.${sha256(weights)}`;
    await this.#objects.put(object, weights);
    try {
      await this.#jobs.create(key, encode(PeerWeights, { type: "peer-weights", object }));
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      // The first answer stands, as a peer may have used it.
      const first = await this.#jobs.get(key);
      if (first && peerObject(first.value, key) !== object) await this.#objects.delete(object);
    }
  }

  /**
   * Waits for the weights of a student after `step` steps; those of one whose model is gone until it is trained again.
   * @throws PeerWeightsGone; what the exchange's signal aborts with
   */
  async take(job: JobKey, step: number): Promise<Uint8Array> {
    const name = jobName(job);
    const wanted = jobKeys.peer(this.#run, name, step);
    const enough = new AbortController();
    try {
      // A student shows its weights in the order of its steps, and its result last.
      const result = await readResult(this.#bus, this.#run, job);
      const there = await this.#read(wanted);
      if (there) return there;
      if (result && (await isFinished(this.#bus, this.#run, job))) throw this.#gone(name, step);
      for await (const { key } of this.#jobs.watch(
        jobKeys.peerSteps(this.#run, name),
        anySignal(this.#signal, enough.signal),
      )) {
        const found = await this.#read(wanted);
        if (found) return found;
        if (stepOf(key) > step) throw this.#gone(name, step);
      }
    } finally {
      enough.abort();
    }
    throw this.#signal.reason;
  }

  /** A student stored a checkpoint: it will go on from this step or a later one. */
  async goesOnFrom(job: JobKey, step: number): Promise<void> {
    this.#floors.set(jobName(job), step);
    const floor = Math.min(...this.#floors.values());
    const past = (await this.#jobs.keys(jobKeys.peers(this.#run))).filter((key) =>
      isPast(stepOf(key), floor, this.#exchangeSteps),
    );
    await deletePeerWeights(this.#jobs, this.#objects, past);
  }

  /** When all students are done. */
  async removeAll(): Promise<void> {
    const all = await this.#jobs.keys(jobKeys.peers(this.#run));
    await deletePeerWeights(this.#jobs, this.#objects, all);
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    const entry = await this.#jobs.get(key);
    return entry && (await this.#objects.get(peerObject(entry.value, key)));
  }

  #gone(job: string, step: number): PeerWeightsGone {
    return new PeerWeightsGone(
      `Cannot go on with run ${this.#run} as the weights of ${job} after step ${step} were deleted, which a student needs that starts again before them: its checkpoints are lost; start the run anew, under another name`,
      { fields: { run: this.#run, job, step } },
    );
  }
}

function stepOf(key: string): number {
  return Number(key.split(".").at(-1));
}
