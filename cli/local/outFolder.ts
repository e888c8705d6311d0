import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { RunSpec } from "../../shared/config/spec.ts";
import { specHash } from "../../shared/config/specHash.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { renderReport } from "../../shared/evaluate/reportHtml.ts";
import { AnyReport } from "../../shared/evaluate/taskReportSchema.ts";
import { newRunId } from "../nodeId.ts";
import { readJson, writeWhole } from "./files.ts";
import { takeLockFile } from "./lockFile.ts";

/** The folder holds a run of another spec. */
export class OtherRunInFolder extends StillhouseError {}

const RunFile = z.strictObject({ run: z.string(), specHash: z.string(), bus: z.enum(["nats", "memory"]) });

/**
 * The folder of `--out`: which run it belongs to, so that the same command goes on where it stopped, and in the end
 * the report.
 *
 *   run.json   run.lock   logs/   report.json   report.html
 */
export interface OutFolder {
  readonly folder: string;
  readonly run: string;
  /** The report, where the run has ended already. */
  readonly finished: AnyReport | undefined;
  /** The run was begun before. */
  readonly resumed: boolean;
  release(): void;
}

/** @throws OtherRunInFolder, FolderLocked */
export function openOutFolder(
  path: string,
  spec: RunSpec,
  bus: "nats" | "memory",
  fresh: boolean,
): OutFolder {
  const folder = resolve(path);
  const release = takeLockFile(join(folder, "run.lock"), `--out ${path}`);
  try {
    const runFile = join(folder, "run.json");
    const hash = specHash(spec);
    if (fresh)
      for (const file of ["run.json", "report.json", "report.html"])
        rmSync(join(folder, file), { force: true });
    const known = RunFile.safeParse(readJson(runFile));
    if (known.success) {
      const { run } = known.data;
      if (known.data.specHash !== hash) {
        throw new OtherRunInFolder(
          `Cannot go on in --out ${path} as it holds run ${run} of another spec: choose another --out, put the spec back, or start over with --fresh`,
          { fields: { run, expected: hash, seen: known.data.specHash } },
        );
      }
      const finished = readJson(join(folder, "report.json"));
      if (finished !== undefined)
        return { folder, run, finished: AnyReport.parse(finished), resumed: true, release };
      // What the memory bus held went with its process: such a run starts anew.
      if (known.data.bus === "nats" && bus === "nats") {
        return { folder, run, finished: undefined, resumed: true, release };
      }
    }
    const run = newRunId(spec.name);
    writeWhole(runFile, JSON.stringify({ run, specHash: hash, bus }));
    return { folder, run, finished: undefined, resumed: false, release };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * The run that somebody means.
 * @param source its id, or the folder that was its --out
 * @throws OtherRunInFolder
 */
export function runOf(source: string): string {
  return existsSync(source) ? runOfFolder(source) : source;
}

function runOfFolder(path: string): string {
  const known = RunFile.safeParse(readJson(join(resolve(path), "run.json")));
  if (!known.success) {
    throw new OtherRunInFolder(
      `Cannot find a run in ${path}: it holds no run.json; give the folder that was the --out of a run`,
    );
  }
  if (known.data.bus === "memory") {
    throw new OtherRunInFolder(
      `Cannot use run ${known.data.run} of ${path} as it was on the memory bus, which keeps nothing: run it with a NATS server`,
    );
  }
  return known.data.run;
}

export async function writeReport({ folder }: OutFolder, report: AnyReport): Promise<void> {
  writeWhole(join(folder, "report.html"), await renderReport(report));
  // Last, as its presence says that the run has ended.
  writeWhole(join(folder, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
}
