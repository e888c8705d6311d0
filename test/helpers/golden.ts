import { existsSync, readFileSync } from "node:fs";
import { describe } from "vitest";

/** Values computed with PyTorch and numpy in float64, in a folder beside the repository. */
const file = new URL("../../../shared/golden/golden.json", import.meta.url);
const present = existsSync(file);
const values = present ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>) : {};

/** A suite that needs the golden values; where they are absent it is skipped, and its name says why. */
export function describeWithGoldens(name: string, body: () => void): void {
  const title = present ? name : `${name} (skipped: ../shared/golden/golden.json is absent)`;
  describe.skipIf(!present)(title, body);
}

/** A golden number. */
export function goldenNumber(key: string): number {
  const value = lookUp(key);
  if (typeof value !== "number") throw new Error(`Golden "${key}" is no number`);
  return value;
}

/** A golden list of numbers. */
export function goldenVector(key: string): number[] {
  return lookUp(key) as number[];
}

/** A golden matrix. */
export function goldenMatrix(key: string): number[][] {
  return lookUp(key) as number[][];
}

function lookUp(key: string): unknown {
  // The body of a skipped suite still runs once, to collect its tests.
  if (!present) return [];
  if (!(key in values)) throw new Error(`There is no golden "${key}"`);
  return values[key];
}
