import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { z } from "zod";
import { reportMarkdown } from "../../docs/generateReportSchema.ts";
import { Report } from "../../shared/evaluate/reportSchema.ts";
import { MultiLabelReport, RegressionReport } from "../../shared/evaluate/taskReportSchema.ts";

it("docs/report.md is what the schema says; `npm run docs:report` writes it", () => {
  const written = readFileSync(new URL("../../docs/report.md", import.meta.url), "utf8");
  expect(written).toBe(reportMarkdown());
});

it("every key of a report says what it means", () => {
  const missing: string[] = [];
  const visit = (path: string, node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { properties } = node as { properties?: Record<string, { description?: string }> };
    for (const [key, value] of Object.entries(properties ?? {})) {
      if (!value.description) missing.push(`${path}.${key}`);
    }
    for (const [key, value] of Object.entries(node)) visit(`${path}.${key}`, value);
  };
  for (const schema of [Report, MultiLabelReport, RegressionReport]) visit("", z.toJSONSchema(schema));
  expect(missing).toEqual([]);
});
