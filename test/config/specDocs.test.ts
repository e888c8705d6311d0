import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { specMarkdown } from "../../docs/generateSpec.ts";
import { parseSpec } from "../../shared/config/load.ts";

const page = readFileSync(new URL("../../docs/spec.md", import.meta.url), "utf8");

it("docs/spec.md is what the schema says; if it is not, `npm run docs:spec` writes it again", () => {
  expect(page).toBe(specMarkdown());
});

it("the example in docs/spec.md is a spec that can be run", () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  expect(parseSpec(example, "docs/spec.md").teachers.map((teacher) => teacher.name)).toEqual([
    "wide",
    "conv",
    "bought",
  ]);
});

it("every link in docs/spec.md leads to a heading of it", () => {
  const slug = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, "")
      .replaceAll(" ", "-");
  const anchors = new Set([...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slug(heading ?? "")));
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor ?? "");
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) expect(anchors).toContain(link);
});
