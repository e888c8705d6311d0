import { describe, expect, it } from "vitest";
import { Closing } from "../../coordinator/closing.ts";
import type { MissingChunk } from "../../coordinator/missingLabels.ts";

const [ada, bea, cleo] = ["ada", "bea", "cleo"];
const shard = "s";
const lacks = (labelling: string, chunk: number): MissingChunk => ({
  key: { labelling, shard, view: "v", chunk },
  parts: new Map([["subject", 1]]),
});
const chunks = [0, 1].map((chunk) => ({ shard, chunk }));
const quorum = { teachers: 2, deadlineS: 10 };
/** Two chunks that nobody has labelled yet, looked at when the clock says 1000. */
const open = (): Closing =>
  new Closing(
    chunks,
    [ada, bea, cleo],
    chunks.flatMap(({ chunk }) => [ada, bea, cleo].map((name) => lacks(name, chunk))),
    quorum,
    1000,
  );

describe("a chunk of a run with a quorum", () => {
  it("is closed with all teachers as soon as all have labelled it", () => {
    const closing = open();
    for (const name of [bea, ada]) closing.answered(lacks(name, 1), 2000);
    expect(closing.due(2000)).toEqual([]);
    closing.answered(lacks(cleo, 1), 3000);
    expect(closing.due(3000)).toEqual([{ shard, chunk: 1, present: [0, 1, 2], by: "all" }]);
  });

  it("is closed with those that have answered, once its deadline since the first answer has passed", () => {
    const closing = open();
    closing.answered(lacks(cleo, 0), 2000);
    closing.answered(lacks(ada, 0), 5000);
    expect(closing.due(11_999)).toEqual([]);
    expect(closing.due(12_000)[0]).toEqual({ shard, chunk: 0, present: [0, 2], by: "deadline" });
  });

  it("is closed below the quorum too: students then have no target of it", () => {
    const closing = open();
    closing.answered(lacks(bea, 0), 2000);
    expect(closing.due(12_000)[0]).toEqual({ shard, chunk: 0, present: [1], by: "deadline" });
  });

  it("waits without an answer for as long as others are answered, and until somebody serves a teacher", () => {
    const closing = open();
    expect(closing.due(1_000_000)).toEqual([]);
    closing.served(1_000_000);
    expect(closing.due(1_009_999)).toEqual([]);
    closing.answered(lacks(ada, 0), 1_009_000);
    closing.close({ shard, chunk: 0 });
    expect(closing.due(1_018_999)).toEqual([]);
    expect(closing.due(1_019_000)).toEqual([{ shard, chunk: 1, present: [], by: "deadline" }]);
  });

  it("that has labels when it is looked at has its clock start then", () => {
    const closing = new Closing(chunks, [ada, bea], [lacks(bea, 0)], quorum, 1000);
    expect(closing.due(1000)).toEqual([{ shard, chunk: 1, present: [0, 1], by: "all" }]);
    expect(closing.due(11_000).map(({ chunk }) => chunk)).toEqual([0, 1]);
  });

  it("is decided once: what comes later changes nothing", () => {
    const closing = open();
    closing.answered(lacks(ada, 0), 2000);
    closing.close({ shard, chunk: 0 });
    closing.answered(lacks(bea, 0), 3000);
    expect(closing.isOpen({ shard, chunk: 0 })).toBe(false);
    expect(closing.open).toBe(1);
    expect(closing.due(12_000)).toEqual([]);
  });

  it("counts two teachers that share a labelling as two", () => {
    const closing = new Closing(chunks, [ada, ada], [lacks(ada, 0)], quorum, 1000);
    closing.answered(lacks(ada, 0), 1500);
    expect(closing.due(1500)).toHaveLength(2);
    for (const { present } of closing.due(1500)) expect(present).toEqual([0, 1]);
  });
});
