import type { Bus } from "../shared/bus/bus.ts";
import { connectNats } from "../shared/bus/nats.ts";
import { StillhouseError } from "../shared/errors.ts";
import { openStore, runningServer } from "./local/store.ts";

/** No server was named and none was found. */
export class NoServer extends StillhouseError {}

/** How a command says where the bus is. */
export interface BusChoice {
  nats?: string;
  creds?: string;
  store: string;
}

/** What `--creds` says, as a connection takes it. */
export function credentialsOf(creds: string | undefined): { credentialsPath?: string } {
  return creds === undefined ? {} : { credentialsPath: creds };
}

/** Connects to the server that `--nats` or NATS_URL names, or to the one that a run has started in `--store`. */
export function openBus(choice: BusChoice, name: string): Promise<Bus> {
  const url = choice.nats ?? process.env.NATS_URL ?? runningServer(openStore(choice.store))?.url;
  if (!url) {
    throw new NoServer(
      `Cannot connect as no NATS server is named: give --nats nats://HOST:4222 or set NATS_URL (no run of this machine has a server in ${choice.store})`,
    );
  }
  return connectNats({ url, name, ...credentialsOf(choice.creds) });
}
