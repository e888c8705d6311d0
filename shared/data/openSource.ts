import { type Clock, sleep } from "../bus/clock.ts";
import { messageOf, StillhouseError } from "../errors.ts";
import type { DataSource } from "../protocol/work.ts";
import type { Dataset } from "./dataset.ts";
import { openDataset, requireDataset } from "./open.ts";

/** The data of a run is not on this machine, or not as the run means it. Another node may have it. */
export class DataNotHere extends StillhouseError {}

const RETRY_MS = 10_000;

/** Opens each data set once in a process, and checks that it is the one that the run means. */
export class DataSources {
  readonly #opened = new Map<string, Promise<Dataset>>();
  readonly #root: string | undefined;

  /** @param root where relative paths start on this machine; absent: in the folder that the run names */
  constructor(root?: string) {
    this.#root = root;
  }

  /** @throws DataNotHere; where the content differs its message names both hashes */
  open(source: DataSource, where: string): Promise<Dataset> {
    const known = this.#opened.get(source.hash);
    if (known) return known;
    const opening = this.#open(source, where);
    this.#opened.set(source.hash, opening);
    // A failure is not kept: the data may be put in order while the node lives.
    opening.catch(() => this.#opened.delete(source.hash));
    return opening;
  }

  /** Opens the data as soon as it is right, trying every few seconds. @returns undefined when `signal` aborts first */
  async openWhenRight(
    source: DataSource,
    where: string,
    clock: Clock,
    signal: AbortSignal,
    onProblem: (error: DataNotHere) => void,
  ): Promise<Dataset | undefined> {
    while (!signal.aborted) {
      try {
        return await this.open(source, where);
      } catch (error) {
        if (!(error instanceof DataNotHere)) throw error;
        onProblem(error);
        await sleep(clock, RETRY_MS, signal);
      }
    }
    return undefined;
  }

  async #open(source: DataSource, where: string): Promise<Dataset> {
    try {
      const dataset = await openDataset(source.spec, this.#root ?? source.baseDir);
      requireDataset(dataset, source.hash, where);
      return dataset;
    } catch (cause) {
      throw new DataNotHere(messageOf(cause), { cause, retry: true, fields: { where } });
    }
  }
}
