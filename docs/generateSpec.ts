import { readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { specSchema } from "../shared/config/schema.ts";
import { alternatives, type SchemaNode } from "../shared/config/schemaNode.ts";
import { typeText } from "../shared/config/typeText.ts";

/** A heading with its tables: one object, or the branches of a union of objects. */
interface Section {
  readonly path: string;
  readonly node: SchemaNode;
}

const target = new URL("./spec.md", import.meta.url);

/** The reference page of the spec, from the schema that checks it and the example beside this file. */
export function specMarkdown(): string {
  const example = readFileSync(new URL("./spec-example.yaml", import.meta.url), "utf8");
  const sections = sectionsOf({ path: "", node: specSchema });
  // The same object may stand at several places, such as the architecture of a teacher and of the student.
  const first = new Map<string, string>();
  const text = sections.map(({ path, node }) => {
    const content = JSON.stringify({ ...node, description: undefined, default: undefined });
    const known = first.get(content);
    if (known !== undefined) return `${heading(path)}${opening(node)}The same keys as ${link(known)}.\n`;
    first.set(content, path);
    return `${heading(path)}${opening(node)}${tables(path, node)}`;
  });
  return [
    "# The spec of a run",
    "",
    "<!-- Written by `npm run docs:spec` from shared/config/spec.ts and docs/spec-example.yaml: change those. -->",
    "",
    "A run is described by one YAML file. Paths in it are relative to the file. A key that is not listed here is an",
    "error, and so is a value of another type; all that is wrong is reported together, each with its line.",
    "",
    "## A complete example",
    "",
    "```yaml",
    example.trimEnd(),
    "```",
    "",
    text.join("\n"),
  ].join("\n");
}

/**
 * The objects of the schema, each before those inside it. An object that is seen again is not entered again, as its
 * section says the same; a union is, as its other place may have joined it to a further union.
 */
function sectionsOf(section: Section, entered = new Set<string>()): Section[] {
  const options = branches(section.node);
  const content = JSON.stringify({ ...section.node, description: undefined, default: undefined });
  if (options.length === 1 && entered.has(content)) return [section];
  entered.add(content);
  const inner = options.flatMap((option) =>
    Object.entries(option.properties ?? {}).flatMap(([key, node]) => {
      const path = section.path === "" ? key : `${section.path}.${key}`;
      if (node.type === "array" && node.items && branches(node.items).length > 0) {
        const items = { ...node.items, description: node.description ?? "" };
        return sectionsOf({ path: `${path}[]`, node: items }, entered);
      }
      return branches(node).length > 0 ? sectionsOf({ path, node }, entered) : [];
    }),
  );
  return [section, ...oncePerPath(inner)];
}

/** A key that several branches share, such as `teachers[].model`, becomes one section with all its branches. */
function oncePerPath(sections: readonly Section[]): Section[] {
  const byPath = new Map<string, Section>();
  for (const { path, node } of sections) {
    const known = byPath.get(path);
    byPath.set(path, { path, node: known ? merged(known.node, node) : node });
  }
  return [...byPath.values()];
}

/** Both, where they differ: branches may share an object too. */
function merged(known: SchemaNode, node: SchemaNode): SchemaNode {
  const content = (one: SchemaNode): string => JSON.stringify({ ...one, description: undefined });
  const met = new Set(branches(known).map(content));
  const more = branches(node).filter((one) => !met.has(content(one)));
  const described = known.description ?? "";
  const told = described.split(", or ").includes(node.description ?? "");
  const description = told ? described : `${described}, or ${node.description ?? ""}`;
  return more.length === 0 && told ? known : { description, anyOf: [...branches(known), ...more] };
}

/** The objects that a key may hold: one, or those of a union; none for a plain value. */
function branches(node: SchemaNode): readonly SchemaNode[] {
  return (alternatives(node) ?? [node]).filter((option) => option.properties !== undefined);
}

function heading(path: string): string {
  return path === "" ? "## The top of the file\n\n" : `## \`${path}\`\n\n`;
}

function link(path: string): string {
  return `[\`${path}\`](#${path.toLowerCase().replace(/[^a-z0-9-]/g, "")})`;
}

function opening(node: SchemaNode): string {
  return node.description ? `${capital(node.description)}.\n\n` : "";
}

function tables(path: string, node: SchemaNode): string {
  const options = branches(node);
  if (options.length === 1) return table(path, options[0] ?? {});
  return options.map((option) => `${branchTitle(option)}\n\n${table(path, option)}`).join("\n");
}

/** A branch is named by the key that tells it, or by the keys that it needs. */
function branchTitle(option: SchemaNode): string {
  const [key, told] =
    Object.entries(option.properties ?? {}).find(([, node]) => node.const !== undefined) ?? [];
  if (key && told) return `### \`${key}: ${String(told.const)}\`\n\n${capital(told.description ?? "")}.`;
  return `### With \`${(option.required ?? []).join("`, `")}\``;
}

/** A table with aligned columns, as the formatter of this repository leaves it. */
function table(path: string, object: SchemaNode): string {
  const keys = Object.entries(object.properties ?? {}).map(([key, node]) => {
    const required = object.required?.includes(key) ?? false;
    return [`\`${key}\``, takes(path, key, node), defaultText(node, required), node.description ?? ""];
  });
  const rows = [["key", "takes", "default", "meaning"], ...keys].map((row) =>
    row.map((cell) => cell.replaceAll("|", "\\|")),
  );
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const [head = "", ...body] = rows.map((row) => line(row.map((cell, i) => cell.padEnd(widths[i] ?? 0))));
  return [head, line(widths.map((width) => "-".repeat(width))), ...body, ""].join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function takes(path: string, key: string, node: SchemaNode): string {
  const full = path === "" ? key : `${path}.${key}`;
  if (node.type === "array" && node.items && branches(node.items).length > 0) {
    return `a list of ${link(`${full}[]`)}${node.minItems ? `, at least ${node.minItems}` : ""}`;
  }
  if (branches(node).length > 0) {
    const plain = (alternatives(node) ?? []).filter((option) => option.properties === undefined);
    return [...plain.map(typeText), `see ${link(full)}`].join(", or ");
  }
  return node.pattern ? `text of the form \`${node.pattern}\`` : typeText(node);
}

function defaultText(node: SchemaNode, required: boolean): string {
  if (required) return "required";
  return node.default === undefined ? "absent" : `\`${flow(node.default)}\``;
}

/** A value as YAML on one line. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value).map(([key, inner]) => `${key}: ${flow(inner)}`);
  return `{ ${entries.join(", ")} }`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, specMarkdown());
