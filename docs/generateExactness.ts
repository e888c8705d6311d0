import { readFileSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import type { TermKind } from "../shared/config/distillSpec.ts";
import { classificationRules } from "../shared/config/ensembleSpec.ts";
import { classificationTerms } from "../shared/config/tasks.ts";
import { type EncodingCase, encodingCases } from "../shared/distill/encodingExactness.ts";
import { exactness } from "../shared/distill/exactness.ts";
import type { Exactness, TargetSource, TermCase } from "../shared/distill/exactnessGrade.ts";
import { termNeeds } from "../shared/distill/termNeeds.ts";
import { markdownTable } from "./markdownTable.ts";

const target = new URL("./methods.md", import.meta.url);
const [begin, end] = ["<!-- exactness: `npm run docs:methods` -->\n", "<!-- end of exactness -->\n"];

const sources: readonly TargetSource[] = ["one teacher", ...classificationRules];

/** Every term of classification that hears teachers, `logit-mse` in both its forms. */
const terms: readonly { name: string; term: TermCase }[] = (classificationTerms as readonly TermKind[])
  .filter((kind) => termNeeds[kind].teachers)
  .flatMap((kind) => {
    const one = { name: `\`${kind}\``, term: { kind, centred: true, tempered: true } };
    if (kind !== "logit-mse") return [one];
    return [one, { name: `\`${kind}\`, not centred`, term: { ...one.term, centred: false } }];
  });

/** The tables of shared/distill/exactness.ts, one for encodings that are alike, with their reasons below. */
export function exactnessMarkdown(): string {
  const groups = new Map<string, string[]>();
  for (const encoding of encodingCases) {
    const found = tableOf(encoding);
    groups.set(found, [...(groups.get(found) ?? []), `\`${encoding}\``]);
  }
  return [...groups].map(([table, names]) => `Labels in ${names.join(" and ")}:\n\n${table}`).join("\n");
}

function tableOf(encoding: EncodingCase): string {
  const reasons: string[] = [];
  const cell = (found: Exactness): string => {
    if (found.grade === "exact") return "exact";
    const why =
      found.grade === "refused"
        ? `${found.why}: expected ${found.key ?? "kind"} ${found.instead}`
        : found.why;
    if (!reasons.includes(why)) reasons.push(why);
    return `${found.grade} (${reasons.indexOf(why) + 1})`;
  };
  const table = markdownTable([
    ["term", ...sources.map((source) => (source === "one teacher" ? source : `\`${source}\``))],
    ...terms.map(({ name, term }) => [
      name,
      ...sources.map((source) => cell(exactness(encoding, source, term))),
    ]),
  ]);
  return `${table}\n${reasons.map((why, i) => `${i + 1}. ${why}\n`).join("")}`;
}

/** docs/methods.md with the tables as they are now. */
export function methodsMarkdown(): string {
  const written = readFileSync(target, "utf8");
  const [before, rest] = written.split(begin) as [string, string | undefined];
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`docs/methods.md lacks the lines ${begin}and ${end}`);
  return `${before}${begin}\n${exactnessMarkdown()}\n${end}${after}`;
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, methodsMarkdown());
