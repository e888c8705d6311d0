import type { Bus } from "../../shared/bus/bus.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import { chooseBus, type ServerChoice, withServer } from "../local/chooseBus.ts";
import { INTERRUPTED, unlessInterrupted } from "../local/interruption.ts";
import { credentialsOf } from "../openBus.ts";
import { stopSignals } from "../stopSignals.ts";

/** How such a command says where the server is. */
export interface StoreChoice extends ServerChoice {
  creds?: string;
}

/** What such a command works with. */
export interface OnServer {
  readonly bus: Bus;
  readonly signal: AbortSignal;
  /** A line for people, beside the output. */
  say(line: string): void;
}

/**
 * Connects to the server that is named, else to that of the store, which is started where it does not run.
 * @param name of the connection
 * @param interrupted what is said when the command is told to end
 * @returns the exit code
 */
export async function onServer(
  options: StoreChoice,
  name: string,
  interrupted: string,
  use: (on: OnServer) => Promise<number>,
): Promise<number> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const place = await chooseBus({ ...options, bus: "nats" }, say);
  if (place.kind === "memory") throw new RangeError("A server was asked for, and the memory bus was chosen");
  const signal = stopSignals();
  const running = withServer(place, options, say, signal, async (url) => {
    const bus = await connectNats({ url, name, signal, ...credentialsOf(options.creds) });
    try {
      signal.throwIfAborted();
      return await use({ bus, signal, say });
    } finally {
      await bus.close();
    }
  });
  const code = await unlessInterrupted(running, signal);
  if (code !== undefined) return code;
  say(`Interrupted. ${interrupted}`);
  return INTERRUPTED;
}
