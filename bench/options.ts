import { writeFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";

/** Writes rows as JSON where they are asked for, and what is shown of them. */
export function write(rows: unknown, shown: string, json: string | true | undefined): void {
  const text = JSON.stringify(rows, null, 2);
  if (typeof json === "string") writeFileSync(json, `${text}\n`);
  if (json === true) {
    console.log(text);
    console.error(shown);
  } else {
    console.log(shown);
  }
}

export function listOf<T extends string>(allowed: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(",").map((name) => {
      const known = allowed.find((one) => one === name);
      if (known === undefined) throw new InvalidArgumentError(`"${name}" is none of ${allowed.join(", ")}.`);
      return known;
    });
}

export function count(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError(`"${text}" is no whole number above 0.`);
  return n;
}

export function positive(text: string): number {
  const n = Number(text);
  if (!Number.isFinite(n) || n <= 0) throw new InvalidArgumentError(`"${text}" is no number above 0.`);
  return n;
}

export function notNegative(text: string): number {
  const n = Number(text);
  if (text.trim() === "" || !Number.isFinite(n) || n < 0) {
    throw new InvalidArgumentError(`"${text}" is no number from 0 on.`);
  }
  return n;
}
