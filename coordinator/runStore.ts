import type { Bus, KeyValue } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { RevisionConflict } from "../shared/bus/errors.ts";
import { LeaseLost } from "../shared/cluster/lease.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import { isWorkingState, RunRecord, type RunState } from "../shared/protocol/run.ts";
import { buckets } from "../shared/protocol/subjects.ts";
import { requireArrow } from "./runStates.ts";

type RecordPatch = Partial<Omit<RunRecord, "state" | "pausedIn">>;

/** The record of one run, as its coordinator writes it: every change is a compare-and-set that carries the fence. */
export class RunStore {
  readonly #kv: KeyValue;
  readonly #clock: Clock;
  readonly #fence: number;
  #record: RunRecord;
  #revision: number;
  /** The run's own changes go one after the other: two at once would look like two coordinators. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(kv: KeyValue, clock: Clock, fence: number, record: RunRecord, revision: number) {
    this.#kv = kv;
    this.#clock = clock;
    this.#fence = fence;
    this.#record = record;
    this.#revision = revision;
  }

  /**
   * Opens the record of a run, or creates it from `initial`; takes it over with this coordinator's fence.
   * @throws LeaseLost when another coordinator has written it meanwhile
   */
  static async open(bus: Bus, clock: Clock, fence: number, initial: RunRecord): Promise<RunStore> {
    const there = await RunStore.takeOver(bus, clock, fence, initial.run);
    if (there) return there;
    const kv = await bus.kv(buckets.runs);
    const first = new RunStore(kv, clock, fence, { ...initial, fence }, 0);
    await first.change({});
    return first;
  }

  /** Takes over the record of a run, where there is one. */
  static async takeOver(bus: Bus, clock: Clock, fence: number, run: string): Promise<RunStore | undefined> {
    const kv = await bus.kv(buckets.runs);
    const entry = await kv.get(run);
    if (!entry) return undefined;
    const record = decode(RunRecord, entry.value, `run record ${run}`);
    const store = new RunStore(kv, clock, fence, record, entry.revision);
    await store.change({});
    return store;
  }

  get record(): RunRecord {
    return this.#record;
  }

  /** Moves the run to another state: the one door. @throws ImpossibleTransition, LeaseLost */
  enter(to: RunState, also: RecordPatch = {}): Promise<void> {
    return this.#inTurn(() => this.#enter(to, also));
  }

  /** From a pause back to where it was. @throws ImpossibleTransition, LeaseLost */
  resume(): Promise<void> {
    return this.#inTurn(() => this.#enter(this.#record.pausedIn ?? "planned", {}));
  }

  #enter(state: RunState, also: RecordPatch): Promise<void> {
    const { run, state: from, enteredAtMs } = this.#record;
    requireArrow(run, from, state);
    return this.#write({
      ...also,
      state,
      ...(state === "paused" && isWorkingState(from) && { pausedIn: from }),
      enteredAtMs: { ...enteredAtMs, [state]: enteredAtMs[state] ?? this.#clock.now() },
    });
  }

  /**
   * Changes anything but the state; a change that depends on the record is a function of it, called when it is its turn.
   * @throws LeaseLost when another coordinator has written meanwhile
   */
  change(patch: RecordPatch | ((record: RunRecord) => RecordPatch)): Promise<void> {
    return this.#inTurn(() => this.#write(typeof patch === "function" ? patch(this.#record) : patch));
  }

  #inTurn(write: () => Promise<void>): Promise<void> {
    const mine = this.#writing.then(write);
    this.#writing = mine.catch(() => undefined);
    return mine;
  }

  async #write(patch: Partial<RunRecord>): Promise<void> {
    const { pausedIn, ...changed }: RunRecord = { ...this.#record, ...patch, fence: this.#fence };
    const next: RunRecord = changed.state === "paused" && pausedIn ? { ...changed, pausedIn } : changed;
    if (this.#record.fence > this.#fence) throw this.#overtaken(this.#record.fence);
    const value = encode(RunRecord, next);
    try {
      this.#revision =
        this.#revision === 0
          ? await this.#kv.create(next.run, value)
          : await this.#kv.update(next.run, value, this.#revision);
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      const entry = await this.#kv.get(next.run);
      const other = entry && decode(RunRecord, entry.value, `run record ${next.run}`);
      throw this.#overtaken(other?.fence ?? 0, error);
    }
    this.#record = next;
  }

  #overtaken(fence: number, cause?: unknown): LeaseLost {
    return new LeaseLost(
      `Cannot write run ${this.#record.run} with fence ${this.#fence}: another coordinator has written it with fence ${fence}`,
      { cause },
    );
  }
}
