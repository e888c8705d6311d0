import { readFile } from "node:fs/promises";
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type JetStreamManager,
  type NatsConnection,
} from "nats";
import { messageOf, StillhouseError } from "../errors.ts";
import type { Bus } from "./bus.ts";
import { BusUnreachable, BusUnsuitable } from "./errors.ts";
import { type Address, parseAddress } from "./nats/address.ts";
import { NatsBus } from "./nats/bus.ts";
import { isTransient } from "./nats/errors.ts";
import { awaitGreeting } from "./nats/greeting.ts";
import { Link, requestMs } from "./nats/link.ts";
import { compareVersion } from "./nats/version.ts";

export interface NatsOptions {
  /** `nats://[user:password@ | token@]host[:port]`, or several servers of one cluster with commas between. */
  url: string;
  /** Who connects, for the server's own lists. */
  name: string;
  /** A `.creds` file. */
  credentialsPath?: string;
  /** Hears what callbacks throw and what the server complains about; without it they become process warnings. */
  onError?: (error: unknown) => void;
  /** Gives up connecting. */
  signal?: AbortSignal;
  /** How long to wait for the server at the start; 5000 without it. */
  connectTimeoutMs?: number;
  /** How long an operation tries to get through while the server is away; 120,000 without it. */
  patienceMs?: number;
}

const oldestServer = [2, 9, 10];

/**
 * Connects to a NATS server and stays connected: after an outage it reconnects for ever, and operations under way
 * wait for that as long as `patienceMs`.
 * @throws BusUnreachable when nothing answers, BusUnsuitable when the server lacks JetStream or is too old
 */
export async function connectNats(options: NatsOptions): Promise<Bus> {
  options.signal?.throwIfAborted();
  const address = parseAddress(options.url);
  const settings = await connectionOptions(address, options);
  const nc = await abortable(dial(settings, address, options), options.signal, (late) => late.close());
  try {
    checkVersion(nc, address);
    const jsm = await abortable(openJetStream(nc, address), options.signal);
    return new NatsBus(
      new Link(nc, jsm, {
        address: address.shown,
        patienceMs: options.patienceMs ?? 120_000,
        onError: options.onError ?? warn,
      }),
    );
  } catch (error) {
    await nc.close();
    throw error;
  }
}

async function connectionOptions(address: Address, options: NatsOptions): Promise<ConnectionOptions> {
  const { user, pass, token } = address;
  return {
    servers: address.servers,
    name: options.name,
    timeout: options.connectTimeoutMs ?? 5000,
    reconnect: true,
    maxReconnectAttempts: -1,
    // Half a second on average: a restarted server is found soon, and a thousand nodes do not come at once.
    reconnectTimeWait: 250,
    reconnectJitter: 500,
    // A server that comes back with its users not loaded yet is no reason to give up.
    ignoreAuthErrorAbort: true,
    pingInterval: 10_000,
    maxPingOut: 3,
    noAsyncTraces: true,
    ...(address.tls ? { tls: {} } : {}),
    ...(token === undefined ? {} : { token }),
    ...(user === undefined || pass === undefined ? {} : { user, pass }),
    ...(options.credentialsPath === undefined
      ? {}
      : { authenticator: credsAuthenticator(await readCredentials(options.credentialsPath)) }),
  };
}

async function readCredentials(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new StillhouseError(`Cannot read the NATS credentials at ${path}: ${messageOf(cause)}`, {
      fields: { path },
      cause,
    });
  }
}

async function dial(
  settings: ConnectionOptions,
  address: Address,
  options: NatsOptions,
): Promise<NatsConnection> {
  const silent = await awaitGreeting(address.servers, options.connectTimeoutMs ?? 5000, options.signal);
  options.signal?.throwIfAborted();
  if (silent !== undefined) throw unreachable(silent, address, options);
  try {
    return await connect(settings);
  } catch (cause) {
    throw unreachable(messageOf(cause), address, options, cause);
  }
}

function unreachable(seen: string, address: Address, options: NatsOptions, cause?: unknown): BusUnreachable {
  const fix = /auth/i.test(seen)
    ? "Give the user and password in the url, or the path of a credentials file"
    : `Start one there with "nats-server -js", or give the url of one that runs`;
  return new BusUnreachable(
    `Cannot connect ${options.name} to a NATS server at ${address.shown}: ${seen}. ${fix}`,
    { fields: { address: address.shown, seen }, retry: true, cause },
  );
}

function checkVersion(nc: NatsConnection, address: Address): void {
  const seen = nc.info?.version ?? "unknown";
  if (compareVersion(seen, oldestServer) >= 0) return;
  const expected = oldestServer.join(".");
  throw new BusUnsuitable(
    `Cannot use the NATS server at ${address.shown} as its version is ${seen}: expected ${expected} or newer`,
    { fields: { address: address.shown, seen, expected } },
  );
}

async function openJetStream(nc: NatsConnection, address: Address): Promise<JetStreamManager> {
  try {
    return await nc.jetstreamManager({ timeout: requestMs });
  } catch (cause) {
    const fields = { address: address.shown, seen: messageOf(cause) };
    if (isTransient(cause) && !/503/.test(messageOf(cause))) {
      throw new BusUnreachable(
        `Cannot use the NATS server at ${address.shown} as its JetStream does not answer: ${fields.seen}`,
        { fields, retry: true, cause },
      );
    }
    throw new BusUnsuitable(
      `Cannot use the NATS server at ${address.shown} as it has no JetStream: start it with -js`,
      { fields, cause },
    );
  }
}

/** Rejects with the signal's reason when it aborts; what comes too late goes to `discard`. */
async function abortable<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  discard?: (late: T) => unknown,
): Promise<T> {
  if (signal === undefined) return work;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      work.then(discard, () => {});
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(messageOf(error)));
}
