import { median } from "../../shared/evaluate/median.ts";
import { alternate } from "../blocks.ts";
import { commandOf } from "../contestants.ts";
import { optimizers } from "../optimizers.ts";
import { runBlock } from "../runBlock.ts";
import type { Bench, Task } from "../task.ts";
import type { OverlapSetup } from "./setup.ts";

/** Milliseconds on one thread, medians. */
export interface Times {
  /** A teacher's forward pass of a chunk: the service time of a simulated one. */
  readonly chunkMs: number;
  /** The same of a batch. */
  readonly forwardMs: number;
  /** A step of the student, with labels in its store. */
  readonly stepMs: number;
  /** A step with all teachers in the student's own loop. */
  readonly ownLoopMs: number;
}

const ROWS = 8192;

/** Measures in turns, each block in a process of its own. */
export async function measureTimes(
  { student, teacher, inputShape, classes, teachers, batch, chunkSize }: OverlapSetup,
  { blocks, seconds }: { readonly blocks: number; readonly seconds: number },
  say: (line: string) => void,
): Promise<Times> {
  const common = {
    backend: "stillhouse compiled",
    inputShape,
    classes,
    rows: ROWS,
    teachers,
    temperature: 4,
    alpha: 0.9,
    optimizer: optimizers.adamw,
    threads: 1,
    spinning: false,
    seconds,
  } as const;
  const task = (bench: Bench, of: Pick<Task, "arch" | "batch" | "teacherArch">): Task => ({
    ...common,
    bench,
    ...of,
  });
  const tasks = [
    task("predict", { arch: teacher, batch: chunkSize }),
    task("predict", { arch: teacher, batch }),
    task("step", { arch: student, batch }),
    task("own-loop", { arch: student, batch, teacherArch: teacher }),
  ];
  const outcomes = await alternate(tasks, blocks, (one, block) => {
    say(`${one.bench}, batch ${one.batch}, block ${block + 1} of ${blocks}`);
    return runBlock(commandOf(one, { first: "python3", second: undefined }));
  });
  const [chunkMs, forwardMs, stepMs, ownLoopMs] = outcomes.map((outcome) => {
    if ("unavailable" in outcome) throw new Error(outcome.unavailable);
    return median(outcome.steps);
  }) as [number, number, number, number];
  return { chunkMs, forwardMs, stepMs, ownLoopMs };
}
