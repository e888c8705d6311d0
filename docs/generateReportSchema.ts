import { writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { SchemaNode } from "../shared/config/schemaNode.ts";
import { typeText } from "../shared/config/typeText.ts";
import { Report } from "../shared/evaluate/reportSchema.ts";
import { MultiLabelReport, RegressionReport } from "../shared/evaluate/taskReportSchema.ts";
import { markdownTable } from "./markdownTable.ts";

/** What zod writes of `Report` beyond what it writes of the spec. */
interface Node extends Omit<SchemaNode, "type" | "properties" | "items" | "anyOf" | "additionalProperties"> {
  /** A list where null is allowed beside a plain value. */
  readonly type?: SchemaNode["type"] | "null" | readonly (SchemaNode["type"] | "null")[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly prefixItems?: readonly Node[];
  readonly additionalProperties?: unknown;
  readonly format?: string;
}

const target = new URL("./report.md", import.meta.url);

const opening = `# The report of a run

<!-- Written by \`npm run docs:report\` from shared/evaluate/reportSchema.ts and docs/generate-report-schema.ts. -->

A run leaves two files: \`report.html\`, a page that opens from disk without a network, and \`report.json\`, the same
facts for programs. This page describes the keys of \`report.json\`. Every key is always present unless it is marked
optional; what was not measured is \`null\`. Accuracies, agreements and differences are shares: 0.98 is 98%, and a
difference of 0.004 is 0.4 points.

Classification is described first. A report of another task (\`data.task\`) has \`task\` and \`score\`, and of each model
\`score\` and \`metrics\` in place of accuracy and what goes with it; its verdict is by the score, in whichever direction
is better.

## How the verdict is reached

For every seed two students are trained from the same initial weights on the same batches for as many epochs: one
learns from the ensemble, the other alone from the labels. The difference of their test accuracies is taken seed by
seed, and from these differences a 95% interval of their mean: mean ± t s / √n, with s their sample deviation, n the
seeds, and t the 97.5% point of Student's distribution with n - 1 degrees of freedom.

${markdownTable([
  ["verdict", "when"],
  ["`helped`", "the whole interval lies above 0"],
  ["`harmed`", "the whole interval lies below 0"],
  ["`not shown`", "0 lies in the interval, there is one seed only, or no student was trained alone"],
])}
\`not shown\` does not mean that there is no effect: with few seeds the interval is wide. McNemar's test, given for
each seed, asks something else: whether these two models, not two such trainings, err equally often.
`;

/** The reference page of report.json, from the schema that checks it. */
export function reportMarkdown(): string {
  const known = new Map<string, string>();
  const top = z.toJSONSchema(Report) as Node;
  const ofTask = ([task, schema]: [string, z.ZodType]): string[] => {
    const description = `the top of the file where data.task is ${task}, in place of that above`;
    return sections(task, { ...(z.toJSONSchema(schema) as Node), description }, known);
  };
  const tasks = { "multi-label": MultiLabelReport, regression: RegressionReport };
  return [opening, ...sections("", top, known), ...Object.entries(tasks).flatMap(ofTask)].join("\n");
}

/** The table of an object, then those of the objects inside it; equal objects are written once. */
function sections(path: string, node: Node, known: Map<string, string>): string[] {
  const about = node.description ? `${capital(node.description)}.\n\n` : "";
  const heading = path === "" ? "## The top of the file\n\n" : `## \`${path}\`\n\n${about}`;
  const content = JSON.stringify(node.properties);
  const same = known.get(content);
  if (same !== undefined) return [`${heading}The same keys as ${link(same)}.\n`];
  known.set(content, path);
  const inner = Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
    const object = objectOf(value);
    return object
      ? sections(below(path, key, value), { description: value.description ?? "", ...object }, known)
      : [];
  });
  return [heading + table(path, node), ...inner];
}

function table(path: string, node: Node): string {
  const rows = Object.entries(node.properties ?? {}).map(([key, value]) => {
    const optional = node.required?.includes(key) ? "" : "optional: ";
    return [`\`${key}\``, optional + holds(below(path, key, value), value), value.description ?? ""];
  });
  return markdownTable([["key", "holds", "meaning"], ...rows]);
}

function holds(path: string, node: Node): string {
  if (node.anyOf) {
    const others = node.anyOf.filter((option) => option.type !== "null");
    const nullable = others.length < node.anyOf.length ? " or null" : "";
    return others.map((option) => holds(path, option)).join(" or ") + nullable;
  }
  if (Array.isArray(node.type)) {
    return holds(path, { ...node, anyOf: node.type.map((type) => ({ type })) });
  }
  if (node.properties) return link(path);
  if (node.prefixItems) return `a list of ${node.prefixItems.length} numbers, low and high`;
  if (node.items?.type === "string") return "a list of texts";
  if (node.type === "array" && node.items) {
    return node.items.properties ? `a list of ${link(path)}` : `a list, each ${holds(path, node.items)}`;
  }
  if (node.format === "date-time") return "text, a date and time";
  if (node.type === "object") return "an object, each value a number of at least 0";
  return node.type === undefined && node.const === undefined && !node.enum
    ? "anything"
    : typeText(node as SchemaNode);
}

/** The object that a key holds, by itself, or null, or many in a list. */
function objectOf(node: Node): Node | undefined {
  if (node.properties) return node;
  if (node.items) return objectOf(node.items);
  return node.anyOf?.find((option) => option.properties);
}

function below(path: string, key: string, node: Node): string {
  const full = path === "" ? key : `${path}.${key}`;
  return node.type === "array" && objectOf(node) ? `${full}[]` : full;
}

function link(path: string): string {
  return `[\`${path}\`](#${path.toLowerCase().replace(/[^a-z0-9-]/g, "")})`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, reportMarkdown());
