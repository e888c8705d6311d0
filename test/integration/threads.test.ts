import { expect, it } from "vitest";
import { sharesOf, threadsEach } from "../../cli/local/threads.ts";

it.each([
  [2, 2, 2, 1],
  [16, 2, 2, 4],
  [9, 1, 1, 4],
  [1, 4, 2, 1],
])(
  "a run on %i cores with %i teacher nodes and %i student workers gives each %i threads",
  (cores, teachers, studentWorkers, threads) => {
    expect(threadsEach({ teachers, studentWorkers }, cores)).toBe(threads);
    expect(sharesOf({ teachers, studentWorkers }, threads, cores)).toMatch(
      new RegExp(`^Compute: ${cores} cores? for ${teachers} .*, ${threads} threads? each; compute.threads`),
    );
  },
);
