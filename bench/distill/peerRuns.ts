import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { mnistFolder } from "../../shared/data/mnist.ts";
import { runCommand } from "../runCommand.ts";
import type { Distilled, DistillOptions } from "./runDistill.ts";

const phases = fileURLToPath(new URL("../peers/phases.py", import.meta.url));
const parts = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];

const Printed = z.object({ distill_s: z.number(), student: z.number(), cached: z.boolean() });
/** Processor seconds of the teachers' training, of labelling, and of the student's training. */
const Phases = z.tuple([z.number(), z.number(), z.number()]);

/** Distillations by PyTorch: labelling and the student's training, as the peer itself times them, without the start of Python. */
export class PeerRuns {
  readonly #folder: string;
  readonly #options: DistillOptions;

  constructor(folder: string, options: DistillOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** @param cached everything is labelled once before; else the teachers are in the loop */
  async distil(epochs: number, cached: boolean): Promise<Distilled> {
    const { peer, python, teachers, teacherEpochs, batch, threads } = this.#options;
    if (!existsSync(peer))
      throw new Error(`Cannot run the peer as there is no ${resolve(peer)}: give --peer`);
    const flags = { teachers, "teacher-epochs": teacherEpochs, epochs, batch, threads };
    const args = [
      "-B",
      phases,
      resolve(peer),
      this.#data(),
      ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ...(cached ? ["--cached"] : []),
    ];
    const env = { ...process.env, OMP_NUM_THREADS: String(threads), CUDA_VISIBLE_DEVICES: "" };
    const out = await runCommand({ command: python, args, env });
    const [line = "", timed = ""] = out.trim().split("\n").slice(-2);
    const { distill_s, student } = Printed.parse(JSON.parse(line));
    const [, label, train] = Phases.parse(JSON.parse(timed));
    return { seconds: distill_s, cpuSeconds: label + train, accuracy: student };
  }

  /** MNIST as the peer reads it. */
  #data(): string {
    const folder = join(this.#folder, "mnist");
    if (existsSync(folder)) return folder;
    mkdirSync(folder);
    for (const part of parts) {
      const bytes = readFileSync(join(mnistFolder(), `${part}-ubyte`));
      writeFileSync(join(folder, `${part}-ubyte.gz`), gzipSync(bytes, { level: 1 }));
    }
    return folder;
  }
}
