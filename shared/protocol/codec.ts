import type { z } from "zod";
import { StillhouseError } from "../errors.ts";
import { packMessage, packWithPayload, unpackMessage } from "./msgpack.ts";

/** Bytes from the bus that are not the message they should be. Never trained on, never retried. */
export class MalformedMessage extends StillhouseError {}

/**
 * MessagePack of a message; the bytes are the caller's own.
 * @throws MalformedMessage when it breaks its schema: what is written once must never be what nobody can read
 */
export function encode<S extends z.ZodType>(schema: S, message: z.infer<S>): Uint8Array {
  const parsed = schema.safeParse(message);
  if (!parsed.success) throw malformed("send a message", parsed.error);
  return packMessage(message);
}

/**
 * The same of a message that ends with a large payload, of which but one copy is made.
 * @param payload a view is fine: it is copied
 */
export function encodeWithPayload<S extends z.ZodType<{ payload: Uint8Array }>>(
  schema: S,
  message: Omit<z.infer<S>, "payload">,
  payload: Uint8Array,
): Uint8Array {
  const parsed = schema.safeParse({ ...message, payload });
  if (!parsed.success) throw malformed("send a message", parsed.error);
  return packWithPayload(message, payload);
}

/**
 * The message in `bytes`, parsed by its schema before anyone uses it.
 * @param what where it came from, for the error: "work item on stillhouse.work.label.…"
 * @throws MalformedMessage naming the place, what was seen and what was expected
 */
export function decode<S extends z.ZodType>(schema: S, bytes: Uint8Array, what: string): z.infer<S> {
  let value: unknown;
  try {
    value = unpackMessage(bytes);
  } catch (cause) {
    throw new MalformedMessage(`Cannot read ${what} as it is not MessagePack: ${bytes.byteLength} bytes`, {
      cause,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw malformed(`use ${what}`, parsed.error);
}

function malformed(action: string, error: z.ZodError): MalformedMessage {
  const problems = error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join(".") || "message"}: ${issue.message}`);
  return new MalformedMessage(`Cannot ${action} as it breaks its schema: ${problems.join("; ")}`, {
    fields: { problems },
    cause: error,
  });
}
