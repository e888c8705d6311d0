import { z } from "zod";
import { chooseBranch } from "./branches.ts";
import { alternatives, childOf, type Path, type SchemaNode } from "./schemaNode.ts";
import { RunSpec } from "./spec.ts";

/** What a user may write, as data: for messages about a spec, and for its reference page. */
export const specSchema = z.toJSONSchema(RunSpec, { io: "input" }) as SchemaNode;

/**
 * The schema of what stands at `path` in `spec`, unions on the way resolved to the branch that the user meant.
 * Undefined where the schema knows no such key, or the branch is unclear.
 */
export function schemaAt(path: Path, spec: unknown): SchemaNode | undefined {
  let node: SchemaNode | undefined = specSchema;
  let value = spec;
  for (const step of path) {
    node = resolved(node, value);
    node = typeof step === "number" ? node?.items : (node?.properties?.[step] ?? ownKey(node));
    value = childOf(value, step);
    if (node === undefined) return undefined;
  }
  return node;
}

/** What stands under a key that the user chose. */
function ownKey(node: SchemaNode | undefined): SchemaNode | undefined {
  return node?.additionalProperties || undefined;
}

/** The branch of a union that `value` is meant to be; a node that is no union stays. */
export function resolved(node: SchemaNode | undefined, value: unknown): SchemaNode | undefined {
  const options = node && alternatives(node);
  if (options === undefined) return node;
  const choice = chooseBranch(options, value);
  return choice.kind === "one" ? options[choice.index] : undefined;
}
