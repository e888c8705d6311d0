import { classSection } from "./html/classSection.ts";
import { copiedSection } from "./html/copiedSection.ts";
import { costSection } from "./html/costSection.ts";
import { learningSection } from "./html/learningSection.ts";
import { html, type Markup, trusted } from "./html/markup.ts";
import { modelsSection } from "./html/modelsSection.ts";
import { moreStudentsSection } from "./html/moreStudentsSection.ts";
import { provenanceSection } from "./html/provenanceSection.ts";
import { seedsSection } from "./html/seedsSection.ts";
import { style } from "./html/style.ts";
import { taskSections } from "./html/taskSections.ts";
import { verdictSection } from "./html/verdictSection.ts";
import type { Report } from "./reportSchema.ts";
import { type AnyReport, isTaskReport } from "./taskReportSchema.ts";

/**
 * The report as one HTML page: it opens from disk, runs no script, loads nothing, follows the reader's light or dark
 * setting, and prints.
 */
export async function renderReport(report: AnyReport): Promise<string> {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${report.name} \u2013 Stillhouse report</title>
<style>${trusted(style)}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">Stillhouse report</p>
<h1>${report.name}</h1>
<p>Run ${report.run}, ${when(report.createdAt)}</p>
</header>
${isTaskReport(report) ? await taskSections(report) : await classificationSections(report)}
${moreStudentsSection(report)}
${await costSection(report)}
${provenanceSection(report)}
<footer>The same facts, for programs, are in report.json beside this page.</footer>
</main>
</body>
</html>
`;
  return page.text;
}

async function classificationSections(report: Report): Promise<Markup> {
  return html`${verdictSection(report)}
${await modelsSection(report)}
${seedsSection(report)}
${await learningSection(report)}
${await classSection(report)}
${report.ensemble && copiedSection(report)}`;
}

/** 2026-01-31T12:34:56.789Z -> "2026-01-31 12:34 UTC" */
function when(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}
