import { sleep } from "../shared/bus/clock.ts";
import { readRuns } from "../shared/cluster/runRecords.ts";
import { slowestView } from "../shared/cluster/slowestView.ts";
import { studentSteps } from "../shared/compute/studentSteps.ts";
import { transferSet } from "../shared/data/transferSet.ts";
import { slides, windowOf } from "../shared/data/views/slidingWindow.ts";
import { labelledViewHashes } from "../shared/data/views/viewSchedule.ts";
import { contentHash } from "../shared/determinism/hash.ts";
import { isLive, type RunRecord } from "../shared/protocol/run.ts";
import { shardLabelsFilter, streams } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";
import type { Choosy } from "./dispatch.ts";
import type { MissingChunk } from "./missingLabels.ts";

/** Between two looks at how far the students are. */
const LOOK_MS = 1_000;
/** Another run that looked who needs its views before this one was there has deleted them by then. */
const SETTLE_MS = 2_000;

/**
 * The labels of a run whose views are fresh in each epoch: what is dispatched stays a window ahead of the slowest
 * student, and what all are past leaves the log. The samples themselves, view 0, stay.
 */
export class SlidingLabels implements Choosy {
  readonly #context: CoordinatorContext;
  /** Numbers of the views, by their hashes. */
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #hashes: readonly string[];
  readonly #stepsPerEpoch: ReadonlyMap<string | undefined, number>;
  readonly #window: number;
  /** The view that the slowest student may go on from. */
  #slowest = 0;
  #released = 0;
  readonly #finished = new Set<string>();

  constructor(context: CoordinatorContext) {
    const { spec } = context.store.record;
    const dataset = transferSet(context.dataset, spec.data);
    this.#context = context;
    this.#hashes = labelledViewHashes(spec, dataset);
    this.#numbers = new Map(this.#hashes.map((hash, number) => [hash, number]));
    this.#stepsPerEpoch = studentSteps(spec, dataset);
    this.#window = windowOf(spec, this.#stepsPerEpoch);
  }

  /** Of a run that needs it; where the students are is known when it resolves. */
  static async open(context: CoordinatorContext): Promise<SlidingLabels | undefined> {
    if (!slides(context.store.record.spec)) return undefined;
    const sliding = new SlidingLabels(context);
    await sliding.#look();
    return sliding;
  }

  /** Resolves when no other run is about to delete what the log has of this run's views. */
  settle(signal: AbortSignal): Promise<void> {
    return sleep(this.#context.clock, SETTLE_MS, signal);
  }

  wants({ key }: MissingChunk): boolean | "later" {
    const view = this.#numbers.get(key.view) ?? 0;
    if (view === 0) return true;
    if (view < this.#slowest) return false;
    return view <= this.#slowest + this.#window || "later";
  }

  onQueued(): void {}

  onLabelled(): void {}

  /** Lets labels go as students come on, until `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      await this.#release(this.#slowest);
      await sleep(this.#context.clock, LOOK_MS, signal);
    }
  }

  /** All students are trained: only the samples themselves stay. */
  releaseAll(): Promise<void> {
    return this.#release(this.#hashes.length);
  }

  async #look(): Promise<void> {
    const { bus, store } = this.#context;
    const slowest = await slowestView(bus, store.record, this.#stepsPerEpoch, this.#finished);
    this.#slowest = Math.max(this.#slowest, Math.min(slowest, this.#hashes.length));
  }

  /** Deletes the labels of the views from 1 to `end` - 1, unless another run needs them too. */
  async #release(end: number): Promise<void> {
    const { bus, store, dataset } = this.#context;
    if (end <= this.#released + 1 || (await this.#sharedWithOthers())) return;
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    const labellings = store.record.teachers.flatMap(({ ready }) => (ready?.model ? [ready.labelling] : []));
    for (let view = Math.max(1, this.#released + 1); view < end; view++) {
      for (const labelling of labellings) {
        for (const { hash } of dataset.shards) {
          await log.purge(shardLabelsFilter({ labelling, shard: hash, view: this.#hashes[view] as string }));
        }
      }
      this.#released = view;
    }
  }

  async #sharedWithOthers(): Promise<boolean> {
    const { bus, store } = this.#context;
    const own = store.record;
    const others = await readRuns(bus, own.run);
    return others.some((other) => isLive(other) && seesTheSame(other, own));
  }
}

/** Whether two runs may label the same views by the same teacher. */
function seesTheSame(a: RunRecord, b: RunRecord): boolean {
  const viewsOf = ({ spec: { views } }: RunRecord) => contentHash([views?.recipe, views?.seed]);
  const labellings = a.teachers.map(({ ready }) => ready?.labelling);
  return (
    viewsOf(a) === viewsOf(b) &&
    // Of a teacher that is not there yet nobody knows what its labels are kept under.
    (a.state === "planned" ||
      a.state === "teaching" ||
      b.teachers.some(({ ready }) => labellings.includes(ready?.labelling)))
  );
}
