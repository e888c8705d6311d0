import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "../../shared/evaluate/median.ts";
import { OwnRuns } from "./ownRuns.ts";
import { PeerRuns } from "./peerRuns.ts";
import type { DistillTask } from "./specs.ts";

export const distillPeers = ["stillhouse", "in-loop", "cached"] as const;
export type DistillPeer = (typeof distillPeers)[number];

export interface DistillOptions extends DistillTask {
  readonly epochs: readonly number[];
  readonly blocks: number;
  readonly peers: readonly DistillPeer[];
  /** The distillation in PyTorch, and what runs it. */
  readonly peer: string;
  readonly python: string;
}

/** One distillation: from the first labelling, or the start of our processes, to the last step. */
export interface Distilled {
  readonly seconds: number;
  /** Of all processors. */
  readonly cpuSeconds: number;
  /** Of the student on the test split, from 0 to 1. */
  readonly accuracy: number;
}

/** A line of the table, and an element of the JSON. */
export interface DistillRow extends Distilled {
  readonly contestant: DistillPeer;
  readonly epochs: number;
  /** Seconds of PyTorch with the teachers in its loop over these; null: that was not run. */
  readonly speedUp: number | null;
}

/** Distils MNIST by ourselves and by PyTorch, in turns. */
export async function runDistill(
  options: DistillOptions,
  say: (line: string) => void,
): Promise<DistillRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "stillhouse-distill-"));
  try {
    const peers = new PeerRuns(folder, options);
    const own = new OwnRuns(folder, options);
    if (options.peers.includes("stillhouse")) {
      say("training our teachers, which is not timed");
      await own.trainTeachers();
    }
    const rows: DistillRow[] = [];
    for (const epochs of options.epochs) {
      const all = new Map<DistillPeer, Distilled[]>();
      for (let block = 0; block < options.blocks; block++) {
        for (const contestant of options.peers) {
          const one =
            contestant === "stillhouse"
              ? await own.distil(epochs)
              : await peers.distil(epochs, contestant === "cached");
          all.set(contestant, [...(all.get(contestant) ?? []), one]);
          say(
            `${epochs} epochs, ${contestant}, block ${block + 1} of ${options.blocks}: ${one.seconds.toFixed(1)} s, ${one.cpuSeconds.toFixed(0)} s of processors, ${(100 * one.accuracy).toFixed(2)}%`,
          );
        }
      }
      rows.push(...rowsOf(epochs, all));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function rowsOf(epochs: number, all: ReadonlyMap<DistillPeer, readonly Distilled[]>): DistillRow[] {
  const of = (blocks: readonly Distilled[], name: keyof Distilled): number =>
    median(blocks.map((one) => one[name]));
  const inLoop = all.get("in-loop");
  return [...all].map(([contestant, blocks]) => ({
    contestant,
    epochs,
    seconds: of(blocks, "seconds"),
    cpuSeconds: of(blocks, "cpuSeconds"),
    accuracy: of(blocks, "accuracy"),
    speedUp: inLoop ? of(inLoop, "seconds") / of(blocks, "seconds") : null,
  }));
}
