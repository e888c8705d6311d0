import type { DataSource } from "../protocol/work.ts";
import type { Dataset } from "./dataset.ts";
import { openDataset, requireDataset } from "./open.ts";

/** Opens each data set once in a process, and checks that it is the one that the run means. */
export class DataSources {
  readonly #opened = new Map<string, Promise<Dataset>>();
  readonly #root: string | undefined;

  /** @param root where relative paths start on this machine; absent: in the folder that the run names */
  constructor(root?: string) {
    this.#root = root;
  }

  /** @throws DatasetMismatch naming both hashes */
  open(source: DataSource, where: string): Promise<Dataset> {
    const known = this.#opened.get(source.hash);
    if (known) return known;
    const opening = openDataset(source.spec, this.#root ?? source.baseDir).then((dataset) => {
      requireDataset(dataset, source.hash, where);
      return dataset;
    });
    this.#opened.set(source.hash, opening);
    // A failure is not kept: the data may be put in order while the node lives.
    opening.catch(() => this.#opened.delete(source.hash));
    return opening;
  }
}
