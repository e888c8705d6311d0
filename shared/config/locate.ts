import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node } from "yaml";
import type { Path } from "./schemaNode.ts";

/**
 * The line of a key or list item in a YAML file, counted from 1. For what is missing, the line of the innermost
 * part that is there.
 */
export function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let offset = isMap(node) || isSeq(node) ? (node.range?.[0] ?? 0) : 0;
  for (const step of path) {
    const child = childAt(isAlias(node) ? node.resolve(document) : node, step);
    if (child === undefined) break;
    offset = child.offset;
    node = child.node;
  }
  return Math.max(1, lines.linePos(offset).line);
}

function childAt(node: unknown, step: string | number): { offset: number; node: unknown } | undefined {
  if (isSeq(node) && typeof step === "number") {
    const item = node.items[step] as Node | undefined;
    return item?.range ? { offset: item.range[0], node: item } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
  if (!pair || !isScalar(pair.key) || !pair.key.range) return undefined;
  return { offset: pair.key.range[0], node: pair.value };
}

/** `["teachers", 1, "train"]` as `teachers[1].train`. */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === "number" ? `${text}[${step}]` : text === "" ? step : `${text}.${step}`),
    "",
  );
}
