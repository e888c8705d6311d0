import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Document, isMap, parseDocument } from "yaml";
import { z } from "zod";
import { StillhouseError } from "../errors.ts";
import { parseSpec, SpecFileUnreadable } from "./load.ts";
import type { RunSpec } from "./spec.ts";
import { specHash } from "./specHash.ts";

/** A spec that differs from the written one in some of its values. */
export interface Variant {
  /** `as written`, or what it changes: `rule geometric, temperature 8`. */
  readonly name: string;
  readonly spec: RunSpec;
  /** The paths that it sets, to their values. */
  readonly changes: Readonly<Record<string, unknown>>;
}

/** A comparison that cannot be made. */
export class CompareRefused extends StillhouseError {}

const MOST_VARIANTS = 100;

const CompareSpec = z.strictObject({
  vary: z
    .record(z.string().regex(/^[a-z]\w*(\.[a-z]\w*)*$/i), z.array(z.unknown()).min(1))
    .refine((vary) => Object.keys(vary).length > 0, "expected one path at least"),
});

/**
 * Reads a spec with a `compare` key: `vary` lists values for paths of the spec, as `distill.loss.temperature: [2, 4]`, and
 * every combination of them is a variant. `teachers` is varied by lists of their names.
 * @returns the spec as written first, then what differs from it, without repetitions
 * @throws SpecError, CompareRefused
 */
export async function loadVariants(path: string): Promise<{ variants: Variant[]; baseDir: string }> {
  const full = resolve(path);
  const text = await readFile(full, "utf8").catch((cause: unknown) => {
    throw new SpecFileUnreadable(path, full, cause);
  });
  return { variants: variantsOf(text, path), baseDir: dirname(full) };
}

/** @param file name of the spec, for errors */
export function variantsOf(text: string, file: string): Variant[] {
  const document = parseDocument(text, { merge: true });
  const written: unknown = isMap(document.contents) ? document.toJS()?.compare : undefined;
  const parsed = CompareSpec.safeParse(written);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${["compare", ...issue.path].join(".")}: ${issue.message}`,
    );
    throw new CompareRefused(
      `Cannot compare by spec "${file}" as its key \`compare\` is ${written === undefined ? "missing" : `wrong (${problems.join("; ")})`}; expected compare: { vary: { PATH: [VALUE, ...] } }, as distill.loss.temperature: [2, 4, 8]`,
      { fields: { file, problems } },
    );
  }
  document.delete("compare");
  const grid = combinations(Object.entries(parsed.data.vary));
  if (grid.length > MOST_VARIANTS) {
    throw new CompareRefused(
      `Cannot compare by spec "${file}" as compare.vary makes ${grid.length} combinations: expected ${MOST_VARIANTS} at most`,
      { fields: { combinations: grid.length } },
    );
  }
  const seen = new Set<string>();
  return [{}, ...grid].flatMap((changes): Variant[] => {
    const name = nameOf(changes);
    const spec = parseSpec(
      String(changed(document, changes)),
      name === AS_WRITTEN ? file : `${file}, ${name}`,
    );
    const hash = specHash({ ...spec, baseline: true });
    if (seen.has(hash)) return [];
    seen.add(hash);
    return [{ name, spec, changes }];
  });
}

const AS_WRITTEN = "as written";

type Changes = Readonly<Record<string, unknown>>;

/** Every way to take one value for each path, the last path varying fastest. */
function combinations(lists: readonly (readonly [string, readonly unknown[]])[]): Changes[] {
  return lists.reduce<Changes[]>(
    (made, [path, values]) => made.flatMap((so) => values.map((value) => ({ ...so, [path]: value }))),
    [{}],
  );
}

function changed(document: Document, changes: Changes): Document {
  const copy = document.clone();
  for (const [path, value] of Object.entries(changes)) {
    if (path === "teachers") keepTeachers(copy, value);
    else copy.setIn(path.split("."), copy.createNode(value));
  }
  // The student alone is the same in all that leave it as it is, and the first has trained it.
  const ofAlone = ["student", "data", "seed", "seeds", "baseline"];
  const paths = Object.keys(changes).map((path) => path.split(".")[0] as string);
  if (paths.length > 0 && !paths.some((path) => ofAlone.includes(path))) copy.set("baseline", false);
  return copy;
}

/** Leaves the named teachers, in the order of the names. */
function keepTeachers(document: Document, names: unknown): void {
  const all = (document.toJS() as { teachers?: { name?: unknown }[] }).teachers ?? [];
  const wanted = z.array(z.string()).min(1).safeParse(names);
  const places = wanted.success ? wanted.data.map((name) => all.findIndex((one) => one.name === name)) : [-1];
  if (places.includes(-1)) {
    throw new CompareRefused(
      `Cannot vary teachers by ${JSON.stringify(names)}: expected lists of their names, which are [${all.map(({ name }) => name).join(", ")}]`,
      { fields: { names } },
    );
  }
  document.set("teachers", document.createNode(places.map((place) => all[place])));
}

/** The last part of each path and its value, in words. */
function nameOf(changes: Changes): string {
  const parts = Object.entries(changes).map(([path, value]) => `${path.split(".").at(-1)} ${inWords(value)}`);
  return parts.length === 0 ? AS_WRITTEN : parts.join(", ");
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.map(inWords).join("+");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([key, of]) => (["kind", "arch", "rule"].includes(key) ? inWords(of) : `${key} ${inWords(of)}`))
    .join(" ");
}
