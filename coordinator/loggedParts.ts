import type { WriteOnceLog } from "../shared/bus/bus.ts";
import {
  type ChunkKey,
  labellingLabelsFilter,
  labelsOf,
  viewLabelsFilter,
} from "../shared/protocol/subjects.ts";

/** More than a chunk has parts. */
const PARTS = 2 ** 20;

/** Which parts of chunks a log has: a number a part, as a log may hold millions. */
export class LoggedParts {
  readonly #found = new Map<string, Set<number>>();

  add({ chunk, part, ...of }: ChunkKey & { readonly part: number }): void {
    const name = nameOf(of);
    const parts = this.#found.get(name) ?? new Set();
    parts.add(chunk * PARTS + part);
    this.#found.set(name, parts);
  }

  has({ chunk, ...of }: ChunkKey, part: number): boolean {
    return this.#found.get(nameOf(of))?.has(chunk * PARTS + part) ?? false;
  }
}

/**
 * Passes over what the log holds of some labellings' views, once, without reading it. A listing by narrower filters is no
 * quicker: an older server looks through the whole log for each of them.
 * @throws the reason of `signal` when it aborts
 */
export async function readLoggedParts(
  log: WriteOnceLog,
  labellings: Iterable<string>,
  views: readonly string[],
  signal: AbortSignal,
): Promise<LoggedParts> {
  const found = new LoggedParts();
  const filters = [...new Set(labellings)].map((labelling) => labelsFilter(labelling, views));
  await Promise.all(
    filters.map(async (filter) => {
      for await (const { subject } of log.follow(filter, signal, { until: "now" })) {
        const key = labelsOf(subject);
        // Another subject is no part of a chunk; a student that comes to it says so.
        if (key) found.add(key);
      }
    }),
  );
  signal.throwIfAborted();
  return found;
}

/** Of one view what is of this view; of several all that there is, so that a run of many views has few readers. */
export function labelsFilter(labelling: string, views: Iterable<string>): string {
  const [first, second] = new Set(views);
  return first === undefined || second !== undefined
    ? labellingLabelsFilter(labelling)
    : viewLabelsFilter({ labelling, view: first });
}

function nameOf({ labelling, shard, view }: Omit<ChunkKey, "chunk">): string {
  return `${labelling}.${shard}.${view}`;
}
