import type { z } from "zod";
import { chooseBranch, type Discriminator } from "./branches.ts";
import { nearest } from "./nearest.ts";
import { resolved, schemaAt } from "./schema.ts";
import { alternatives, type Path, type SchemaNode, valueAt } from "./schemaNode.ts";
import { seenText, typeText } from "./typeText.ts";

/** A problem before its line in the file is known. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** Turns what zod found in `spec` into words; a union reports the branch that the user meant, and no other. */
export function problemsOf(issues: readonly Issue[], spec: unknown, base: Path = []): Problem[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, spec, [...base, ...stepsOf(issue)]));
}

function problemsOfIssue(issue: Issue, spec: unknown, path: Path): Problem[] {
  if (issue.code === "unrecognized_keys") return unknownKeys(issue.keys, spec, path);
  if (issue.code === "invalid_key") {
    return [{ path, message: `a name that is not allowed, ${issue.issues[0]?.message ?? issue.message}` }];
  }
  if (issue.code === "invalid_union") return unionProblems(issue, spec, path);
  const node = schemaAt(path, spec);
  const value = valueAt(spec, path);
  // A pattern is no help to a reader, so the schema words it itself.
  const expected = issue.code === "invalid_format" || !node ? issue.message : `expected ${typeText(node)}`;
  const choices = node ? [node, ...(alternatives(node) ?? [])].flatMap(fixedValues) : [];
  return [{ path, message: `${seenText(value)}, ${expected}${suggestion(value, choices)}` }];
}

/** The values that a key is one of; none where it is free. */
function fixedValues(node: SchemaNode): readonly unknown[] {
  return node.enum ?? (node.const === undefined ? [] : [node.const]);
}

function unknownKeys(keys: readonly string[], spec: unknown, path: Path): Problem[] {
  const node = schemaAt(path, spec);
  const value = valueAt(spec, path);
  const branch = resolved(node, value);
  if (node && !branch) return unclearBranch(node, value, path);
  const known = Object.keys(branch?.properties ?? {});
  return keys.map((key) => unknownKey(key, known, path));
}

function unknownKey(key: string, known: readonly string[], path: Path): Problem {
  const message = `unknown key, expected one of ${known.join(", ")}${suggestion(key, known)}`;
  return { path: [...path, key], message };
}

function unionProblems(
  issue: Extract<Issue, { code: "invalid_union" }>,
  spec: unknown,
  path: Path,
): Problem[] {
  // A discriminated union tried no branch, and its path ends in the key that told it.
  const at = issue.errors.length === 0 ? path.slice(0, -1) : path;
  const node = schemaAt(at, spec);
  const value = valueAt(spec, at);
  const choice = chooseBranch((node && alternatives(node)) ?? [], value);
  if (choice.kind === "one") return problemsOf(issue.errors[choice.index] ?? [], spec, at);
  return node ? unclearBranch(node, value, at) : [{ path: at, message: issue.message }];
}

/** None, or more than one, of the keys that tell the branches of a union apart has a value that is allowed. */
function unclearBranch(union: SchemaNode, value: unknown, at: Path): Problem[] {
  const options = alternatives(union) ?? [];
  const choice = chooseBranch(options, value);
  const discriminators = choice.kind === "unclear" ? choice.discriminators : [];
  const offers = discriminators.map(({ path, allowed }) => `${path.join(".")}: ${words(allowed)}`);
  if (!isMapping(value)) {
    const expected = offers.length === 0 ? typeText(union) : `a mapping with ${offers.join(", or with ")}`;
    return [{ path: at, message: `${seenText(value)}, expected ${expected}` }];
  }
  const known = [...new Set(options.flatMap((option) => Object.keys(option.properties ?? {})))];
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  return [
    discriminators.length > 0
      ? discriminatorProblem(discriminators, value, at)
      : requiredKeyProblem(options, value, at),
    ...unknown.map((key) => unknownKey(key, known, at)),
  ];
}

function discriminatorProblem(discriminators: readonly Discriminator[], value: object, at: Path): Problem {
  const present = discriminators.filter(({ path }) => valueAt(value, path) !== undefined);
  const [told, second] = discriminators.length === 1 ? discriminators : present;
  if (told && !second) {
    const seen = valueAt(value, told.path);
    const message = `${seenText(seen)}, expected ${words(told.allowed)}${suggestion(seen, told.allowed)}`;
    return { path: [...at, ...told.path], message };
  }
  // All discriminators of a union stand in the same object: the union itself, or its `model`.
  const parent = discriminators[0]?.path.slice(0, -1) ?? [];
  const inner = valueAt(value, parent);
  const keys = discriminators.map(({ path }) => String(path.at(-1)));
  const none = isMapping(inner) ? `neither ${keys.join(" nor ")}` : seenText(inner);
  const offers = discriminators.map(({ allowed }, i) => `${keys[i]}: ${words(allowed)}`);
  return {
    path: [...at, ...parent],
    message: `${second ? `both ${keys.join(" and ")}` : none}, expected one of them: ${offers.join("; ")}`,
  };
}

/** Where the branches differ in the keys that they need alone. */
function requiredKeyProblem(options: readonly SchemaNode[], value: object, path: Path): Problem {
  const keys = [...new Set(options.flatMap(({ required }) => required ?? []))];
  const present = keys.filter((key) => valueAt(value, [key]) !== undefined);
  const seen = present.length > 1 ? `both ${present.join(" and ")}` : `neither ${keys.join(" nor ")}`;
  return { path, message: `${seen}, expected one of them` };
}

function isMapping(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function suggestion(seen: unknown, choices: readonly unknown[]): string {
  const near = typeof seen === "string" ? nearest(seen, choices.map(String)) : undefined;
  return near === undefined || near === seen ? "" : `; did you mean "${near}"?`;
}

function words(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(" or ");
}

function stepsOf(issue: Issue): (string | number)[] {
  return issue.path.map((step) => (typeof step === "number" ? step : String(step)));
}
