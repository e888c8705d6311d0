import { setMaxListeners } from "node:events";

/** Aborts with the first of `signals`. Any number may wait on it: Node warns of a leak from eleven on. */
export function anySignal(...signals: readonly AbortSignal[]): AbortSignal {
  const any = AbortSignal.any([...signals]);
  setMaxListeners(0, any);
  return any;
}
