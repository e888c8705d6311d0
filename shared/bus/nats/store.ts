import { type ApiError, NatsError } from "nats";
import { BusUnsuitable } from "../errors.ts";
import type { Link } from "./link.ts";

const decoder = new TextDecoder();

/**
 * Publishes into a stream. Resolves when the stream has acknowledged. Which one it was the answer tells: a header that asks
 * for one would be stored with each message, and is a copy of all its bytes on the way.
 * @throws NatsError whose `api_error` is the server's refusal; BusUnsuitable where another stream took it
 */
export async function store(link: Link, stream: string, subject: string, data: Uint8Array): Promise<void> {
  const answer = await link.requests.request(subject, data);
  const { error, stream: by } = JSON.parse(decoder.decode(answer.data)) as {
    error?: ApiError;
    stream?: string;
  };
  if (error === undefined) {
    if (by === stream) return;
    const { address } = link.options;
    throw new BusUnsuitable(
      `Cannot store "${subject}" at ${address} as its stream ${stream} is gone and another one has its subjects: ${by} took it`,
      { fields: { subject, address, expected: stream, seen: by } },
    );
  }
  const refusal = new NatsError(error.description, String(error.code));
  refusal.api_error = error;
  throw refusal;
}
