import { median } from "../shared/evaluate/median.ts";
import type { Outcome } from "./blocks.ts";
import type { CaseName } from "./cases.ts";
import type { OptimizerName } from "./optimizers.ts";
import { fastestDecile } from "./statistics.ts";
import type { Backend, Bench } from "./task.ts";

/** A line of the table, and an element of the JSON. Times are milliseconds a step; null: not measured. */
export interface Row {
  bench: Bench;
  backend: Backend;
  case: CaseName;
  batch: number;
  /** Null for `predict`. */
  optimizer: OptimizerName | null;
  threads: number;
  spinning: boolean;
  medianMs: number | null;
  fastestDecileMs: number | null;
  /** Median time in the bare graph, of the compiled step. */
  graphMs: number | null;
  /** Processor time of all threads, mean. */
  cpuMs: number | null;
  /** Median over that of PyTorch eager in the first interpreter: below 1 is faster. */
  ratioToPyTorchEager: number | null;
  /** Steps timed, over all blocks. */
  steps: number;
  /** The library that computed, with its version. */
  peer: string | null;
  /** Why there are no times. */
  unavailable: string | null;
}

type Cell = Pick<Row, "bench" | "case" | "batch" | "optimizer" | "threads" | "spinning">;

/** The rows of one cell: the same work by each contestant. */
export function rowsOf(
  cell: Cell,
  outcomes: readonly { readonly backend: Backend; readonly outcome: Outcome }[],
): Row[] {
  const eager = outcomes.find(({ backend }) => backend === "pytorch eager")?.outcome;
  const eagerMs = eager && "steps" in eager ? median(eager.steps) : null;
  return outcomes.map(({ backend, outcome }) => {
    const of = { ...cell, backend, peer: outcome.peer ?? null };
    if ("unavailable" in outcome) {
      return {
        ...of,
        medianMs: null,
        fastestDecileMs: null,
        graphMs: null,
        cpuMs: null,
        ratioToPyTorchEager: null,
        steps: 0,
        unavailable: outcome.unavailable,
      };
    }
    const medianMs = median(outcome.steps);
    return {
      ...of,
      medianMs,
      fastestDecileMs: fastestDecile(outcome.steps),
      graphMs: outcome.graphs ? median(outcome.graphs) : null,
      cpuMs: outcome.cpuMs,
      ratioToPyTorchEager: eagerMs === null ? null : medianMs / eagerMs,
      steps: outcome.steps.length,
      unavailable: null,
    };
  });
}
