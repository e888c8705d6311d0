import { alternatives, type SchemaNode } from "./schemaNode.ts";

/** What a key takes, in words: `a whole number above 0`, `"half" or "float32"`, `a list of numbers`. */
export function typeText(node: SchemaNode): string {
  const options = alternatives(node);
  if (options) return [...new Set(options.map(typeText))].join(" or ");
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum) return node.enum.map((value) => JSON.stringify(value)).join(" or ");
  switch (node.type) {
    case "integer":
      return `a whole number${bounds(node)}`;
    case "number":
      return `a number${bounds(node)}`;
    case "boolean":
      return "true or false";
    case "array":
      return `a list of ${node.minItems ? `at least ${node.minItems}, each ` : ""}${itemText(node)}`;
    case "object":
      return node.additionalProperties
        ? `a mapping of names of your own to ${typeText(node.additionalProperties)}`
        : "a mapping of keys to values";
    default:
      if (node.pattern) return `text of the form ${node.pattern}`;
      return node.minLength ? "text that is not empty" : "text";
  }
}

/** What was written, in words. */
export function seenText(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "empty";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "a mapping of keys to values";
  if (typeof value !== "string") return String(value);
  return `the text ${JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)}`;
}

function itemText(node: SchemaNode): string {
  const items = node.items ?? {};
  if (node.minItems || alternatives(items)) return typeText(items);
  return typeText(items).replace(/^a (whole number|number|mapping)/, "$1s");
}

function bounds(node: SchemaNode): string {
  const { exclusiveMinimum: above, exclusiveMaximum: below } = node;
  const least = node.minimum === Number.MIN_SAFE_INTEGER ? undefined : node.minimum;
  const most = node.maximum === Number.MAX_SAFE_INTEGER ? undefined : node.maximum;
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  const words = [
    above !== undefined ? `above ${above}` : undefined,
    least !== undefined ? `of at least ${least}` : undefined,
    below !== undefined ? `below ${below}` : undefined,
    most !== undefined ? `of at most ${most}` : undefined,
  ].filter((word) => word !== undefined);
  return words.length === 0 ? "" : ` ${words.join(" and ")}`;
}
