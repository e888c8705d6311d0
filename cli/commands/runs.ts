import { listRuns } from "../../coordinator/listRuns.ts";
import { runsLines } from "../view/runsView.ts";
import { onServer, type StoreChoice } from "./onServer.ts";

/** `stillhouse runs`: the runs that a server knows. @returns the exit code */
export function runs(options: StoreChoice & { json?: boolean }): Promise<number> {
  return onServer(options, "runs", "Nothing was changed.", async ({ bus, say }) => {
    const listed = await listRuns(bus, (problem) => say(`NOTE: ${problem}`));
    const text = options.json ? JSON.stringify(listed, null, 2) : runsLines(listed, Date.now()).join("\n");
    process.stdout.write(`${text}\n`);
    return 0;
  });
}
