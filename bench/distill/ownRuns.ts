import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openStore } from "../../cli/local/store.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { Report } from "../../shared/evaluate/reportSchema.ts";
import { runCommand } from "../runCommand.ts";
import type { Distilled } from "./runDistill.ts";
import { type DistillTask, distillSpec, teachersSpec } from "./specs.ts";

const stillhouse = fileURLToPath(new URL("../../cli/stillhouse.mjs", import.meta.url));

/** Our distillations, each by `stillhouse run`, as a user has it. */
export class OwnRuns {
  readonly #folder: string;
  readonly #task: DistillTask;

  constructor(folder: string, task: DistillTask) {
    this.#folder = folder;
    this.#task = task;
  }

  /** Into a store of which each distillation has a copy: its labels are none of theirs. */
  async trainTeachers(): Promise<void> {
    await this.#run("teachers", this.#store, teachersSpec(this.#task));
    // The server ends a moment after the run, and what it writes then is to be copied too.
    const { keeperLock } = openStore(this.#store);
    while (existsSync(keeperLock)) await sleep(50);
  }

  async distil(epochs: number): Promise<Distilled> {
    const store = join(this.#folder, "store-of-one");
    cpSync(this.#store, store, { recursive: true });
    try {
      const startedAtMs = Date.now();
      const cpuMs = processorsMs();
      const { path, report } = await this.#run("distilled", store, distillSpec(this.#task, epochs));
      const { evaluation = 0, teacherTraining = 0 } = report.secondsByPhase;
      // The report is written when the test split was evaluated, and stands in its place a moment before the processes end.
      const seconds = (statSync(path).mtimeMs - startedAtMs) / 1000 - evaluation;
      if (report.teacherPasses.saved > 0 || teacherTraining > seconds / 2) {
        throw new Error(
          `the run found labels, or trained teachers: ${JSON.stringify(report.secondsByPhase)}`,
        );
      }
      return { seconds, cpuSeconds: (processorsMs() - cpuMs) / 1000, accuracy: report.student.accuracy };
    } finally {
      rmSync(store, { recursive: true, force: true });
      rmSync(join(this.#folder, "distilled"), { recursive: true, force: true });
    }
  }

  get #store(): string {
    return join(this.#folder, "store");
  }

  async #run(name: string, store: string, spec: RunSpec): Promise<{ path: string; report: Report }> {
    const specPath = join(this.#folder, `${name}.json`);
    writeFileSync(specPath, JSON.stringify(spec));
    const out = join(this.#folder, name);
    const args = [stillhouse, "run", specPath, "--out", out, "--store", store];
    await runCommand({ command: process.execPath, args, env: process.env });
    const path = join(out, "report.json");
    return { path, report: Report.parse(JSON.parse(readFileSync(path, "utf8"))) };
  }
}

/** Busy time of all processors of this machine, which should have nothing else to do, milliseconds. */
function processorsMs(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
}
