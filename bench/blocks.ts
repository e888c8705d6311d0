import type { BlockResult, Measured } from "./task.ts";

/** What one contestant did in all its blocks. */
export interface Joined extends Measured {
  readonly peer?: string;
}

export type Outcome = Joined | { readonly peer?: string; readonly unavailable: string };

/**
 * Lets contestants take turns, so that what disturbs the machine for a while disturbs all of them: A B C, A B C, ...
 * One that cannot be measured is left out of the later blocks.
 * @returns in the order of `contestants`
 */
export async function alternate<C>(
  contestants: readonly C[],
  blocks: number,
  run: (contestant: C, block: number) => Promise<BlockResult>,
): Promise<Outcome[]> {
  const results = contestants.map((): BlockResult[] => []);
  for (let block = 0; block < blocks; block++) {
    for (const [i, contestant] of contestants.entries()) {
      const own = results[i] as BlockResult[];
      if (own.some((result) => "unavailable" in result)) continue;
      own.push(await run(contestant, block));
    }
  }
  return results.map(join);
}

/** All steps of all blocks; the processor time is the mean over the steps. */
export function join(results: readonly BlockResult[]): Outcome {
  const peer = results[0]?.peer;
  const named = peer === undefined ? {} : { peer };
  const measured: Measured[] = [];
  for (const result of results) {
    if ("unavailable" in result) return { ...named, unavailable: result.unavailable };
    measured.push(result);
  }
  const steps = measured.flatMap((block) => block.steps);
  const graphs = measured.flatMap((block) => block.graphs ?? []);
  const cpuMs = measured.reduce((sum, block) => sum + block.cpuMs * block.steps.length, 0) / steps.length;
  return { ...named, steps, cpuMs, ...(graphs.length > 0 ? { graphs } : {}) };
}
