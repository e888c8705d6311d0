import { StillhouseError } from "../errors.ts";
import { InvalidName, PayloadTooLarge } from "./errors.ts";
import { covers } from "./subjects.ts";

const word = /^[-\w]{1,200}$/;
const token = /^[^\s.*>\p{Cc}]+$/u;
const key = /^[-/=\w]+(\.[-/=\w]+)*$/;
const object = /^[-/=.:+@\w]{1,200}$/;

/** A stream, bucket or consumer. @throws InvalidName */
export function checkName(what: "log" | "work queue" | "bucket" | "consumer", name: string): void {
  if (!word.test(name)) refuse(what, name, "1 to 200 letters, digits, - or _");
}

/** A subject without wildcards. @throws InvalidName */
export function checkSubject(subject: string): void {
  if (!subject.split(".").every((part) => token.test(part))) {
    refuse("subject", subject, "tokens between dots, none empty, without spaces, * or >");
  }
}

/** A subject that may hold `*` tokens and a last `>`. @throws InvalidName */
export function checkFilter(filter: string): void {
  const parts = filter.split(".");
  const valid = parts.every(
    (part, i) => part === "*" || (part === ">" && i === parts.length - 1) || token.test(part),
  );
  if (!valid) refuse("filter", filter, "tokens between dots, where * is a token and > the last one");
}

/** A subject or filter that lies inside what a log or queue holds. @throws InvalidName */
export function checkInside(owner: string, outer: string, inner: string): void {
  if (!covers(outer, inner)) refuse("subject", inner, `something inside ${outer}, which ${owner} holds`);
}

/** A key of a key-value bucket. @throws InvalidName */
export function checkKey(name: string): void {
  if (!key.test(name)) {
    refuse("key", name, "tokens of letters, digits, - _ / or = between dots, none empty");
  }
}

/** The name of an object. @throws InvalidName */
export function checkObjectName(name: string): void {
  if (!object.test(name)) refuse("object", name, "1 to 200 letters, digits, or - _ / = . : + @");
}

/** @throws PayloadTooLarge */
export function checkPayload(subject: string, bytes: number, maxPayloadBytes: number): void {
  if (bytes <= maxPayloadBytes) return;
  throw new PayloadTooLarge(
    `Cannot send ${bytes} bytes on "${subject}" as one message holds at most ${maxPayloadBytes}: split it, or raise max_payload in the configuration of nats-server`,
    { fields: { subject, bytes, maxPayloadBytes } },
  );
}

/** @throws StillhouseError for a time to live that the server would refuse */
export function checkTtl(bucket: string, ttlMs: number | undefined): void {
  if (ttlMs === undefined || (Number.isInteger(ttlMs) && ttlMs >= 100)) return;
  throw new StillhouseError(
    `Cannot open the bucket ${bucket} with a time to live of ${ttlMs} ms: expected a whole number from 100`,
    { fields: { bucket, ttlMs } },
  );
}

function refuse(what: string, name: string, expected: string): never {
  throw new InvalidName(
    `Cannot use ${JSON.stringify(name)} as ${what === "object" ? "an" : "a"} ${what}: expected ${expected}`,
    {
      fields: { what, name, expected },
    },
  );
}
