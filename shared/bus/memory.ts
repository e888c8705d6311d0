import { type MemoryBusOptions, MemoryHub } from "./memory/hub.ts";

/**
 * A bus in one process: `createMemoryBus().connect()` is a client of it, and every further `connect()` another.
 * It keeps the rules of a real server, also those that hurt: nothing arrives inside the call that sends it, work
 * comes again when its time is over, and bytes are copied in and out.
 */
export function createMemoryBus(options: MemoryBusOptions = {}): MemoryHub {
  return new MemoryHub(options);
}
