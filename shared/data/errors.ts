import { StillhouseError } from "../errors.ts";

/** What is wrong with the data that a spec names: a file, its shape, its labels or the splits asked of it. */
export class DataError extends StillhouseError {}

/** A data file that is not there, or cannot be read. */
export class DataFileUnreadable extends DataError {}

/** Bytes that are no IDX file of a kind that Stillhouse reads. */
export class IdxError extends DataError {
  constructor(file: string, problem: { offset: number; seen: string; expected: string }) {
    super(
      `Cannot read "${file}" as an IDX file: at byte ${problem.offset}, ${problem.seen}; expected ${problem.expected}`,
      { fields: { file, ...problem } },
    );
  }
}
