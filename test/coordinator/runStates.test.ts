import { describe, expect, it } from "vitest";
import { ImpossibleTransition, requireArrow } from "../../coordinator/runStates.ts";
import { type RunState, runStates } from "../../shared/protocol/run.ts";

/** As the comment above the table draws them. */
const drawn: readonly [RunState, RunState][] = [
  ["planned", "teaching"],
  ["teaching", "distilling"],
  ["distilling", "evaluating"],
  ["evaluating", "done"],
  ["planned", "failed"],
  ["teaching", "failed"],
  ["distilling", "failed"],
  ["evaluating", "failed"],
  ["failed", "planned"],
  ["planned", "paused"],
  ["teaching", "paused"],
  ["distilling", "paused"],
  ["evaluating", "paused"],
  ["paused", "planned"],
  ["paused", "teaching"],
  ["paused", "distilling"],
  ["paused", "evaluating"],
  ["planned", "cancelled"],
  ["teaching", "cancelled"],
  ["distilling", "cancelled"],
  ["evaluating", "cancelled"],
  ["paused", "cancelled"],
  ["failed", "cancelled"],
];
const isDrawn = (from: RunState, to: RunState): boolean => drawn.some(([a, b]) => a === from && b === to);
const others = runStates
  .flatMap((from) => runStates.map((to): [RunState, RunState] => [from, to]))
  .filter(([from, to]) => !isDrawn(from, to));

describe("the states of a run", () => {
  it.each(drawn)("go from %s to %s", (from, to) => {
    expect(() => requireArrow("r1", from, to)).not.toThrow();
  });

  it.each(others)("never go from %s to %s", (from, to) => {
    expect(() => requireArrow("r1", from, to)).toThrow(ImpossibleTransition);
    expect(() => requireArrow("r1", from, to)).toThrow(
      `Cannot move run r1 to ${to} as it is ${from}: from there`,
    );
  });

  it("are all looked at here", () => {
    expect(drawn.length + others.length).toBe(runStates.length ** 2);
    expect(() => requireArrow("r1", "done", "failed")).toThrow("from there it goes to nowhere");
    expect(() => requireArrow("r1", "planned", "done")).toThrow(
      "from there it goes to teaching or failed or paused or cancelled",
    );
  });
});
