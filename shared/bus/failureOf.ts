/** Rejects as a promise does, and never resolves: in a race, of something that fails the whole and never ends it. */
export function failureOf(promise: Promise<unknown>): Promise<never> {
  return promise.then(() => new Promise<never>(() => undefined));
}
