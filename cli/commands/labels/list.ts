import { readKnown } from "../../../coordinator/labelLog/known.ts";
import { listLabels } from "../../../coordinator/labelLog/listLabels.ts";
import { surveyLog } from "../../../coordinator/labelLog/survey.ts";
import { streams } from "../../../shared/protocol/subjects.ts";
import { listedLines } from "../../view/labelsView.ts";
import { Progress } from "../../view/progress.ts";
import { onServer, type StoreChoice } from "../onServer.ts";
import { filtersOf } from "./filters.ts";

export interface ListOptions extends StoreChoice {
  labelling?: string;
  run?: string;
  json?: boolean;
}

/** `stillhouse labels list`: what the label log holds. */
export function list(options: ListOptions): Promise<number> {
  return onServer(options, "labels list", "Nothing was changed.", async ({ bus, signal, say }) => {
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    const known = await readKnown(bus);
    const { messages: total } = await log.size();
    const progress = new Progress("listing", "messages/s");
    const filters = filtersOf(known, options);
    const { groups, strange } = await surveyLog({
      log,
      filters,
      signal,
      onProgress: (done) => progress.update(done, total),
    }).finally(() => progress.end());
    const labellings = await listLabels(log, groups, known);
    for (const problem of [...known.unread, ...strange]) say(`NOTE: ${problem}`);
    if (options.json) {
      const { unread } = known;
      process.stdout.write(
        `${JSON.stringify({ server: bus.address, labellings, unread, strange }, null, 2)}\n`,
      );
      return 0;
    }
    process.stdout.write(`${listedLines(bus.address, labellings).join("\n")}\n`);
    return 0;
  });
}
