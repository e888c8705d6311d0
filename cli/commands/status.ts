import { readHeartbeats } from "../../shared/cluster/readHeartbeats.ts";
import { readRuns } from "../../shared/cluster/runRecords.ts";
import { messageOf } from "../../shared/errors.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import { type BusChoice, openBus } from "../openBus.ts";

/** `stillhouse status`: the runs and nodes that a server knows, and the size of its label log. */
export async function status(options: BusChoice & { json?: boolean }): Promise<number> {
  const bus = await openBus(options, "status");
  try {
    const log = await bus.log(streams.labels.name, streams.labels.filter);
    const records = await readRuns(bus);
    const unread: string[] = [];
    const nodes = await readHeartbeats(bus, (error) => unread.push(messageOf(error)));
    const labelLog = await log.size();
    if (options.json) {
      const short = records.map(({ run, state, createdAtMs, error, teachers }) => ({
        run,
        state,
        createdAtMs,
        error,
        teachers,
      }));
      process.stdout.write(
        `${JSON.stringify({ server: bus.address, runs: short, nodes, unread, labelLog }, null, 2)}\n`,
      );
      return 0;
    }
    const lines = [
      `server    ${bus.address}; label log ${labelLog.messages.toLocaleString("en")} messages, ${(labelLog.bytes / 1e6).toFixed(1)} MB`,
      "runs",
      ...records.map(({ run, state, error }) => `  ${run.padEnd(40)} ${state}${error ? `: ${error}` : ""}`),
      "nodes",
      ...nodes.map(
        ({ role, node, pid, backend, doing, samplesPredicted }) =>
          `  ${role.padEnd(12)} ${node.padEnd(40)} pid ${pid}, ${backend}, ${samplesPredicted.toLocaleString("en")} samples, ${doing}`,
      ),
      ...unread.map((problem) => `  ${problem}`),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
    return 0;
  } finally {
    await bus.close();
  }
}
