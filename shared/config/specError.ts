import { StillhouseError } from "../errors.ts";

/** One thing that is wrong with a spec. */
export interface SpecProblem {
  /** Where in the spec, such as `teachers[1].train.epochs`; empty for the file as a whole. */
  readonly path: string;
  /** Line of the file, counted from 1. */
  readonly line: number;
  /** What was seen, and what is expected. */
  readonly message: string;
}

/** A spec that cannot be run, with everything that is wrong with it. */
export class SpecError extends StillhouseError {
  readonly problems: readonly SpecProblem[];

  constructor(file: string, problems: readonly SpecProblem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super([`Cannot use spec "${file}": ${count}`, ...problems.map(lineOf)].join("\n  "), {
      fields: { file, problems },
    });
    this.problems = problems;
  }
}

function lineOf({ path, line, message }: SpecProblem): string {
  return `${path === "" ? "" : `${path} `}(line ${line}): ${message}`;
}
