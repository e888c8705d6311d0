import { median } from "../../shared/evaluate/median.ts";
import type { ServiceTime } from "../cluster/serviceTimes.ts";
import { neededPerS, nodePerS, nodesFor } from "./nodesFor.ts";
import { type OverlapSize, overlapSetup } from "./setup.ts";
import { measureTimes } from "./times.ts";
import { type Trained, trainOnce } from "./trainOnce.ts";

export interface OverlapOptions extends OverlapSize {
  readonly blocks: number;
  /** To measure each time for. */
  readonly seconds: number;
  readonly service: Pick<ServiceTime, "kind" | "variation">;
}

/** A line of the table, and an element of the JSON. */
export interface OverlapRow {
  readonly case: string;
  /** Simulated teacher nodes; 0: none. */
  readonly nodes: number;
  /** What they offer over what the student takes; null: without nodes. */
  readonly offered: number | null;
  readonly stepsPerS: number;
  /** Over the rate of the student alone. */
  readonly ofAlone: number;
  /** Of the student's time that goes into waiting for labels; null: it waits for none. */
  readonly waiting: number | null;
}

/** A published rate with teachers elsewhere, over that without any: PaddlePaddle EDL, ImageNet, images a second. */
const PUBLISHED = 1514 / 1828;

/** Measures how much a student is held up by teachers that are elsewhere, in its own loop, and not there. */
export async function runOverlap(
  options: OverlapOptions,
  say: (line: string) => void,
): Promise<OverlapRow[]> {
  const setup = overlapSetup(options);
  const times = await measureTimes(setup, options, say);
  const { chunkMs, forwardMs, stepMs, ownLoopMs } = times;
  say(
    `one thread: ${chunkMs.toFixed(1)} ms a chunk and ${forwardMs.toFixed(2)} ms a batch of one teacher, ${stepMs.toFixed(2)} ms a step, ${ownLoopMs.toFixed(2)} ms with ${setup.teachers} teachers in the loop`,
  );
  const { enough, tooFew } = nodesFor(setup, times);
  const service = { ...options.service, meanMs: chunkMs };
  const [many, few]: [Trained[], Trained[]] = [[], []];
  const alone: Trained[] = [];
  for (let block = 0; block < options.blocks; block++) {
    for (const [nodes, trained] of [
      [enough, many],
      [tooFew, few],
    ] as const) {
      const both = await trainOnce(setup, nodes, service);
      trained.push(both.remote);
      alone.push(both.alone);
      say(
        `block ${block + 1} of ${options.blocks}, ${nodes} nodes: ${inWords(both.remote)}; alone: ${inWords(both.alone)}`,
      );
    }
  }
  const aloneRate = median(alone.map(rateOf));
  const row = (name: string, rate: number, more: Partial<OverlapRow> = {}): OverlapRow => ({
    case: name,
    nodes: 0,
    offered: null,
    waiting: null,
    ...more,
    stepsPerS: rate,
    ofAlone: rate / aloneRate,
  });
  const remote = (name: string, nodes: number, trained: readonly Trained[]): OverlapRow =>
    row(name, median(trained.map(rateOf)), {
      nodes,
      offered: (nodes * nodePerS(setup, times)) / neededPerS(setup, times),
      waiting: median(trained.map(({ waitSeconds, seconds }) => waitSeconds / seconds)),
    });
  const measuredAlone = 1000 / stepMs;
  const scaled = (ms: number): number => (1000 / ms / measuredAlone) * aloneRate;
  return [
    row("alone, from a full log", aloneRate, {
      waiting: median(alone.map((one) => one.waitSeconds / one.seconds)),
    }),
    remote("teachers elsewhere", enough, many),
    remote("teachers elsewhere, too few", tooFew, few),
    row("teachers in the student's loop", scaled(ownLoopMs)),
    row("step / (step + teachers)", scaled(stepMs + setup.teachers * forwardMs)),
    row("published: EDL, teachers elsewhere", PUBLISHED * aloneRate),
  ];
}

function rateOf({ steps, seconds }: Trained): number {
  return steps / seconds;
}

function inWords({ steps, seconds, waitSeconds }: Trained): string {
  return `${(steps / seconds).toFixed(1)} steps/s, ${((100 * waitSeconds) / seconds).toFixed(1)}% of ${seconds.toFixed(1)} s waiting`;
}
