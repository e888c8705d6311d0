import type { Logger } from "pino";
import type { Bus } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import type { Event } from "../shared/protocol/events.ts";
import type { Membership } from "./membership.ts";
import type { QuarantineWatch } from "./quarantineWatch.ts";
import type { RunStore } from "./runStore.ts";

/** What the parts of the coordinator of one run share. */
export interface CoordinatorContext {
  readonly bus: Bus;
  /** Why the run is on this bus, where that is not plain. */
  readonly busNote: string | undefined;
  readonly clock: Clock;
  readonly node: string;
  readonly dataset: Dataset;
  readonly store: RunStore;
  readonly membership: Membership;
  readonly quarantine: QuarantineWatch;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** News for people. */
  publish(event: Event): void;
  notice(text: string): void;
}
