import type { Measured } from "./task.ts";

// The same numbers are in peers/measure.py.
const WARM_UP = { steps: 10, ms: 1000, mostMs: 5000 };
const LEAST_STEPS = 15;
const FEW_STEPS = 3;
/** Times the asked seconds, after which few steps are enough: a slow contestant must not take the whole day. */
const PATIENCE = 5;

/**
 * Warms up (10 steps and 1 s), then times each call of `step` for `seconds` and at least 15 steps.
 * @param graphMs time that the last step spent in its bare graph
 */
export async function measure(
  step: (i: number) => Promise<unknown>,
  seconds: number,
  graphMs?: () => number,
): Promise<Measured> {
  let done = 0;
  const graphs: number[] = [];
  const repeat = async (
    enough: (steps: number, ms: number) => boolean,
  ): Promise<{ steps: number[]; cpuMs: number }> => {
    const steps: number[] = [];
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    while (!enough(steps.length, performance.now() - startedAt)) {
      const before = performance.now();
      await step(done++);
      steps.push(performance.now() - before);
      if (graphMs) graphs.push(graphMs());
    }
    const { user, system } = process.cpuUsage(cpu);
    return { steps, cpuMs: (user + system) / 1000 / steps.length };
  };
  await repeat(
    (steps, ms) =>
      (steps >= WARM_UP.steps && ms >= WARM_UP.ms) || (steps >= FEW_STEPS && ms >= WARM_UP.mostMs),
  );
  graphs.length = 0;
  const measured = await repeat(
    (steps, ms) =>
      (steps >= LEAST_STEPS && ms >= seconds * 1000) ||
      (steps >= FEW_STEPS && ms >= PATIENCE * seconds * 1000),
  );
  return graphMs ? { ...measured, graphs } : measured;
}
