import { type Path, type SchemaNode, valueAt } from "./schemaNode.ts";

/** A key that tells the branches of a union apart: `dataset`, or `model.arch`. */
export interface Discriminator {
  readonly path: Path;
  readonly allowed: readonly unknown[];
}

/** Which branch of a union a value is meant to be. `unclear` lists what would have told. */
export type Choice =
  | { readonly kind: "one"; readonly index: number }
  | { readonly kind: "unclear"; readonly discriminators: readonly Discriminator[] };

/**
 * Chooses by the type of the value first (a list against a number), then by the keys that tell the branches apart:
 * a branch whose key has an allowed value wins over one whose key is there with another value, and that over one
 * whose key is missing. Where no such key is there, a branch without any wins if a key is there that it needs and no other
 * branch knows.
 */
export function chooseBranch(options: readonly SchemaNode[], value: unknown): Choice {
  const fitting = options.flatMap((node, index) => (fits(node, value) ? [{ node, index }] : []));
  const told = (node: SchemaNode): Discriminator[] => discriminatorsOf(node, options);
  const [only, second] = fitting;
  if (only && !second) return { kind: "one", index: only.index };

  const ranked = fitting
    .map(({ node, index }) => ({ index, score: score(told(node), value) }))
    .sort((a, b) => b.score - a.score);
  const [best, next] = ranked;
  if (best && best.score > (next?.score ?? 0)) return { kind: "one", index: best.index };
  if (!best?.score) {
    const [own, another] = fitting.filter(({ node }) => hasKeyOfItsOwn(node, options, value));
    if (own && !another) return { kind: "one", index: own.index };
  }
  return { kind: "unclear", discriminators: merged(options.flatMap(told)) };
}

/** Whether a branch has no key with fixed values, and one is there that it needs and no other branch knows. */
function hasKeyOfItsOwn(node: SchemaNode, options: readonly SchemaNode[], value: unknown): boolean {
  if (discriminatorsOf(node, options).length > 0) return false;
  const others = options.filter((option) => option !== node);
  return (node.required ?? []).some(
    (key) => valueAt(value, [key]) !== undefined && !others.some(({ properties }) => properties?.[key]),
  );
}

/**
 * Keys with fixed values in an object, and in the objects (or unions of them) right below it. A key that all branches have
 * alike tells none from another.
 */
function discriminatorsOf(node: SchemaNode, options: readonly SchemaNode[]): Discriminator[] {
  const found = Object.entries(node.properties ?? {}).flatMap(([key, property]) => {
    if (options.length > 1 && options.every((one) => isSame(one.properties?.[key], property))) return [];
    if (property.const !== undefined) return [{ path: [key], allowed: [property.const] }];
    const objects = property.anyOf ?? property.oneOf ?? [property];
    return objects.flatMap((object) => constantsOf(object, key));
  });
  return merged(found);
}

function isSame(a: SchemaNode | undefined, b: SchemaNode): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function constantsOf(object: SchemaNode, under: string): Discriminator[] {
  return Object.entries(object.properties ?? {})
    .filter(([, property]) => property.const !== undefined)
    .map(([key, property]) => ({ path: [under, key], allowed: [property.const] }));
}

/** Joins what is allowed for the same key. */
function merged(discriminators: readonly Discriminator[]): Discriminator[] {
  const byKey = new Map<string, Discriminator>();
  for (const { path, allowed } of discriminators) {
    const key = path.join(".");
    byKey.set(key, { path, allowed: [...(byKey.get(key)?.allowed ?? []), ...allowed] });
  }
  return [...byKey.values()];
}

function score(discriminators: readonly Discriminator[], value: unknown): number {
  return discriminators.reduce((sum, { path, allowed }) => {
    const seen = valueAt(value, path);
    if (seen === undefined) return sum;
    return sum + (allowed.includes(seen) ? 2 : 1);
  }, 0);
}

function fits(node: SchemaNode, value: unknown): boolean {
  if (node.type === "array") return Array.isArray(value);
  if (node.type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (node.type === "integer") return typeof value === "number";
  return node.type === undefined || typeof value === node.type;
}
