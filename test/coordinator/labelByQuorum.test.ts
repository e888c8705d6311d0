import { expect, it } from "vitest";
import type { CoordinatorContext } from "../../coordinator/context.ts";
import { labelByQuorum, readDecisions } from "../../coordinator/labelByQuorum.ts";
import { createMemoryBus } from "../../shared/bus/memory.ts";
import { LeaseLost } from "../../shared/cluster/lease.ts";
import { openDataset } from "../../shared/data/open.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { buckets, labelsSubject } from "../../shared/protocol/subjects.ts";
import { ManualClock } from "../helpers/manualClock.ts";
import { SMALL_CHUNKS, smallSpec } from "../helpers/smallRun.ts";

const [ada, bea] = ["1".repeat(32), "2".repeat(32)];
const quorum = { teachers: 1, deadlineS: 10 };

/** A run of two teachers, of which ada has labelled everything, and bea all but one chunk. */
async function begin(mayWrite: () => boolean) {
  const clock = new ManualClock();
  const bus = createMemoryBus({ clock }).connect();
  const spec = smallSpec({ ensemble: { quorum } });
  const dataset = await openDataset(spec.data, ".");
  const shard = dataset.shards[0]?.hash as string;
  const key = { labelling: bea, shard, view: PLAIN_VIEW, chunk: 0 };
  const missing = [{ key, parts: new Map([[labelsSubject(key, 0), 32]]) }];
  const said: string[] = [];
  const teachers = [ada, bea].map((labelling, k) => ({ name: ["ada", "bea"][k], ready: { labelling } }));
  const context = {
    bus,
    clock,
    dataset,
    store: {
      record: { run: "r1", fence: 7, spec, teachers },
      change: async () => {
        if (!mayWrite()) throw new LeaseLost("another coordinator has written");
      },
    },
    membership: { alive: () => [] },
    publish: () => undefined,
    notice: (text: string) => said.push(text),
  } as unknown as CoordinatorContext;
  const stop = new AbortController();
  const end = labelByQuorum(context, missing, quorum, stop.signal).then(
    () => "ended",
    (error: unknown) => error,
  );
  const decisions = async () => readDecisions(await bus.kv(buckets.decisions), "r1");
  return { clock, end, stop, decisions, said };
}

it("chunks are closed by decisions with the coordinator's fence, late ones after their deadline, and the run says so", async () => {
  const { clock, end, decisions, said } = await begin(() => true);
  await clock.advance(9_000);
  expect((await decisions()).map(({ by }) => by)).toEqual(new Array(SMALL_CHUNKS - 1).fill("all"));
  await clock.advance(2_000);
  expect(await end).toBe("ended");
  const late = (await decisions()).filter(({ by }) => by === "deadline");
  expect(late).toMatchObject([{ run: "r1", fence: 7, chunk: 0, present: [0] }]);
  expect(said).toEqual(['closed 1 chunks after their deadline of 10 s: 1 without teacher "bea"']);
});

it("a coordinator that another has overtaken says of nobody that he came too late", async () => {
  let mayWrite = true;
  const { clock, end, stop, decisions } = await begin(() => mayWrite);
  await clock.advance(5_000);
  mayWrite = false;
  await clock.advance(20_000);
  expect(await end).toBeInstanceOf(LeaseLost);
  stop.abort();
  await clock.advance(20_000);
  expect((await decisions()).map(({ by }) => by)).toEqual(new Array(SMALL_CHUNKS - 1).fill("all"));
});
