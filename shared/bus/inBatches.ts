/** Requests that one process has on the bus at once: a run may have a hundred thousand chunks. */
const AT_ONCE = 64;

/** Like `Promise.all` over `ask`, but with a bounded number of requests on the way. Results are in the order of `items`. */
export async function inBatches<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(ask))));
  }
  return results;
}
