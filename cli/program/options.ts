import { type Command, InvalidArgumentError, Option } from "commander";
import { backendOrder } from "../../shared/compute/backendNames.ts";
import { deviceChoices } from "../../shared/compute/deviceNames.ts";

/** Options that several commands have, and how what is written becomes a value. */
export const natsOption = new Option(
  "--nats <url>",
  "the NATS server; default: NATS_URL, else the one of --store",
);
export const credsOption = new Option("--creds <file>", "NATS credentials file");
export const storeOption = new Option("--store <folder>", "data of this machine's own nats-server").default(
  ".stillhouse",
);
export const nameOption = new Option(
  "--name <node>",
  "name of this node; default: role, host and random characters",
).argParser(identifier);
export const dataRootOption = new Option(
  "--data-root <folder>",
  "where the data's relative paths start on this machine",
);
export const graceOption = new Option(
  "--grace <seconds>",
  "how long it may take for its last checkpoints when it is told to end; default: 1",
).argParser(wholeNumber);
export const backendOption = new Option(
  "--backend <name>",
  "what computes, tried first; default: the best that works here (see doctor)",
)
  .env("STILLHOUSE_BACKEND")
  .choices(backendOrder);
export const deviceOption = new Option(
  "--device <name>",
  "what the compiled backend computes on; auto: CUDA where it works; default: cpu",
).choices(deviceChoices);

/** Of a command that works with a server: the one that is named, or that of the store. */
export function serverOptions(command: Command): Command {
  return command.addOption(storeOption).addOption(natsOption).addOption(credsOption);
}

/** As `NodeId` and `RunId` of the protocol: others read it from keys and subjects. */
export function identifier(text: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,80}$/.test(text)) return text;
  throw new InvalidArgumentError(`expected lower-case letters, digits and dashes, not "${text}".`);
}

/** As `Hash` of the protocol. */
export function hash(text: string): string {
  if (/^[0-9a-f]{32}$/.test(text)) return text;
  throw new InvalidArgumentError(`expected 32 hexadecimal digits, not "${text}".`);
}

export function seedNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError(`expected a whole number from 0, not "${text}".`);
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError(`expected a whole number from 1, not "${text}".`);
  return value;
}

export function shareNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1))
    throw new InvalidArgumentError(`expected a share above 0, at most 1, not "${text}".`);
  return value;
}

export function boundNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError(`expected a number from 0, not "${text}".`);
  return value;
}

export function columnList(text: string): number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (!/^\d+$/.test(part.trim()))
      throw new InvalidArgumentError(`expected whole numbers between commas, not "${text}".`);
    return value;
  });
}

/** The exit code of the process is what a command gives in the end. */
export async function exit(code: Promise<number>): Promise<void> {
  process.exitCode = await code;
}
