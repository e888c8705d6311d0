import { workFilters } from "../../coordinator/failures.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import { systemClock } from "../../shared/bus/clock.ts";
import { listQuarantined, releaseQuarantined } from "../../shared/cluster/quarantine.ts";
import { readRun } from "../../shared/cluster/runRecords.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import { runOf } from "../local/outFolder.ts";
import { many } from "../view/numbers.ts";
import { quarantineLines } from "../view/quarantineView.ts";
import { onServer, type StoreChoice } from "./onServer.ts";

/** `stillhouse quarantine list [RUN]`. @returns the exit code */
export function list(source: string | undefined, options: StoreChoice & { json?: boolean }): Promise<number> {
  return onServer(options, "quarantine list", "Nothing was changed.", async ({ bus, say }) => {
    const filters = await filtersOf(bus, source);
    const found = await listQuarantined(bus, filters, (problem) => say(`NOTE: ${problem}`));
    const text = options.json ? JSON.stringify(found, null, 2) : quarantineLines(found).join("\n");
    process.stdout.write(`${text}\n`);
    return 0;
  });
}

/** `stillhouse quarantine retry [RUN]`. @returns the exit code */
export function retry(source: string | undefined, options: StoreChoice): Promise<number> {
  return onServer(options, "quarantine retry", "Some may have been let out.", async ({ bus, say }) => {
    const released = await releaseQuarantined(bus, systemClock, await filtersOf(bus, source));
    say(`${many(released, "work item")} let out; runs that are at work and need them ask for them again.`);
    return 0;
  });
}

/** Of all work, or of what one run needs. */
async function filtersOf(bus: Bus, source: string | undefined): Promise<string[]> {
  if (source === undefined) return [streams.work.filter];
  return workFilters(await readRun(bus, runOf(source)));
}
