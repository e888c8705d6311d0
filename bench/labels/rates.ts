import { median } from "../../shared/evaluate/median.ts";

/** Work that is repeated, over so many bytes of dense float32. */
export interface Contestant {
  readonly bytes: number;
  readonly work: () => void;
}

/** MB/s of dense float32. */
export interface Rate {
  /** By the processor time of the process: what one core does that has nothing else to do. */
  readonly perCore: number;
  /** By the clock. */
  readonly wall: number;
}

/**
 * Lets contestants take turns, A B C, A B C, ..., so that what disturbs the machine disturbs all of them; the first turn
 * warms up and is not counted.
 * @returns medians over the blocks, in the order of the contestants
 */
export function alternateRates(contestants: readonly Contestant[], blocks: number, seconds: number): Rate[] {
  const rates = contestants.map((): Rate[] => []);
  for (let block = 0; block <= blocks; block++) {
    for (const [i, contestant] of contestants.entries()) {
      const rate = measure(contestant, seconds);
      if (block > 0) rates[i]?.push(rate);
    }
  }
  return rates.map((of) => ({
    perCore: median(of.map(({ perCore }) => perCore)),
    wall: median(of.map(({ wall }) => wall)),
  }));
}

function measure({ bytes, work }: Contestant, seconds: number): Rate {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let [times, cpuMs] = [0, 0];
  while (cpuMs < seconds * 1000) {
    work();
    times++;
    const { user, system } = process.cpuUsage(cpu);
    cpuMs = (user + system) / 1000;
  }
  const megabytes = (times * bytes) / 1e6;
  return {
    perCore: megabytes / (cpuMs / 1000),
    wall: megabytes / ((performance.now() - startedAt) / 1000),
  };
}
