import { ErrorCode, NatsError } from "nats";
import { messageOf, StillhouseError } from "../../errors.ts";
import { BusFull, BusUnreachable } from "../errors.ts";

/** The numbers that the server gives its refusals; unlike the texts they do not change between versions. */
export const serverCode = {
  clusterNotAvailable: 10008,
  notLeader: 10009,
  consumerNotFound: 10014,
  resourcesExceeded: 10002,
  insufficientResources: 10023,
  memoryExceeded: 10028,
  noMessage: 10037,
  storageExceeded: 10047,
  messageDeleteFailed: 10057,
  streamNameInUse: 10058,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  storeFailed: 10077,
  multipleUnfiltered: 10099,
  filterNotUnique: 10100,
} as const;

/** The server's number for a refusal, or undefined where the failure is another one. */
export function serverCodeOf(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

/** No stream, consumer or message by that name. A direct get says only 404. */
export function isNotFound(error: unknown): boolean {
  return error instanceof NatsError && (error.code === "404" || error.api_error?.code === 404);
}

/**
 * A subject that has its message already. The server answers 10077 whenever it could not store, so only its words
 * tell a subject that is taken from a stream that is full.
 */
export function isSubjectTaken(error: unknown): boolean {
  return serverCodeOf(error) === serverCode.storeFailed && /per subject/i.test(descriptionOf(error));
}

/** The same request may succeed in a moment: the server is away, starting, or answered too late. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ConnectionLost) return true;
  if (!(error instanceof NatsError)) return false;
  const code = serverCodeOf(error);
  if (error.api_error !== undefined) {
    return code === serverCode.clusterNotAvailable || code === serverCode.notLeader;
  }
  const passing: readonly string[] = [ErrorCode.NoResponders, ErrorCode.Timeout, ErrorCode.Disconnect];
  return passing.includes(error.code);
}

/** Thrown into operations that were under way when the connection went; `persist` catches it and tries again. */
export class ConnectionLost extends Error {}

const full: readonly (number | undefined)[] = [
  serverCode.resourcesExceeded,
  serverCode.insufficientResources,
  serverCode.memoryExceeded,
  serverCode.storageExceeded,
  serverCode.storeFailed,
];

/** The server has no room for a message, be it in the stream, on its disk or under its limits. */
export function isFull(error: unknown): boolean {
  return full.includes(serverCodeOf(error)) && !isSubjectTaken(error);
}

/** The error to throw for what the client library threw. `action` continues "Cannot": `append to "a.b"`. */
export function explain(error: unknown, action: string, address: string): StillhouseError {
  if (error instanceof StillhouseError) return error;
  const code = serverCodeOf(error);
  const seen = descriptionOf(error);
  const fields = { action, address, code, seen };
  if (isFull(error)) {
    return new BusFull(
      `Cannot ${action} as the server at ${address} has no room: ${seen} (${code}). Free space on its disk, prune labels, or raise the limits of the stream or of JetStream`,
      { fields, retry: true, cause: error },
    );
  }
  const closed: readonly string[] = [ErrorCode.ConnectionClosed, ErrorCode.ConnectionDraining];
  if (error instanceof NatsError && closed.includes(error.code)) return closedError(action, address, error);
  const number = code === undefined ? "" : ` (${code})`;
  return new StillhouseError(`Cannot ${action} at ${address}: ${seen}${number}`, { fields, cause: error });
}

export function closedError(action: string, address: string, cause?: unknown): BusUnreachable {
  return new BusUnreachable(`Cannot ${action} as this connection to ${address} was closed`, {
    fields: { action, address },
    cause,
  });
}

function descriptionOf(error: unknown): string {
  if (error instanceof NatsError && error.api_error !== undefined) return error.api_error.description;
  return messageOf(error);
}
