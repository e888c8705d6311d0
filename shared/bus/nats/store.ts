import { type ApiError, headers, type MsgHdrs, NatsError } from "nats";
import type { Link } from "./link.ts";

const decoder = new TextDecoder();

/** Says that a message is for the stream of that name alone. */
export function onlyFor(stream: string): MsgHdrs {
  const marks = headers();
  marks.set("Nats-Expected-Stream", stream);
  return marks;
}

/**
 * Publishes into a stream. Resolves when the stream has acknowledged.
 * @throws NatsError whose `api_error` is the server's refusal
 */
export async function store(link: Link, subject: string, data: Uint8Array, marks: MsgHdrs): Promise<void> {
  const answer = await link.requests.request(subject, data, marks);
  const { error } = JSON.parse(decoder.decode(answer.data)) as { error?: ApiError };
  if (error === undefined) return;
  const refusal = new NatsError(error.description, String(error.code));
  refusal.api_error = error;
  throw refusal;
}
