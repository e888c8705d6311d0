import { alternate } from "./blocks.ts";
import { type CaseName, cases } from "./cases.ts";
import { backendOf, commandOf, type PeerName, type Pythons, takesPart } from "./contestants.ts";
import { type OptimizerName, optimizers } from "./optimizers.ts";
import { type Row, rowsOf } from "./rows.ts";
import { runBlock } from "./runBlock.ts";
import type { Bench, Task } from "./task.ts";

export interface BenchOptions {
  readonly bench: Bench;
  readonly cases: readonly CaseName[];
  readonly batches: readonly number[];
  /** Ignored by `predict`. */
  readonly optimizers: readonly OptimizerName[];
  readonly peers: readonly PeerName[];
  readonly pythons: Pythons;
  readonly threads: number;
  readonly blocks: number;
  readonly seconds: number;
  readonly spinning: boolean;
}

const ROWS = 8192;

/**
 * Measures every case at every batch with every optimiser.
 * @param log is told before each block
 */
export async function runBench(options: BenchOptions, log: (line: string) => void): Promise<Row[]> {
  const { bench, threads, spinning, blocks, seconds, peers, pythons } = options;
  const rows: Row[] = [];
  for (const name of options.cases) {
    for (const optimizer of bench === "step" ? options.optimizers : [null]) {
      for (const batch of options.batches) {
        const { arch, inputShape, classes } = cases[name];
        const work: Omit<Task, "backend"> = {
          bench,
          arch,
          inputShape,
          classes,
          rows: ROWS,
          teachers: 3,
          temperature: 4,
          alpha: 0.7,
          batch,
          optimizer: optimizers[optimizer ?? "sgd"],
          threads,
          spinning,
          seconds,
        };
        const backends = peers.filter((peer) => takesPart(peer, bench, arch)).map((peer) => backendOf[peer]);
        const outcomes = await alternate(backends, blocks, (backend, block) => {
          log(
            `${name}, batch ${batch}${optimizer ? `, ${optimizer}` : ""}: ${backend}, block ${block + 1} of ${blocks}`,
          );
          return runBlock(commandOf({ ...work, backend }, pythons));
        });
        rows.push(
          ...rowsOf(
            { bench, case: name, batch, optimizer, threads, spinning },
            outcomes.map((outcome, i) => ({ backend: backends[i] as Row["backend"], outcome })),
          ),
        );
      }
    }
  }
  return rows;
}
