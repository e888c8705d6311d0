import { describe, expect, it } from "vitest";
import { matches, overlap } from "../../shared/bus/subjects.ts";
import { labellingHash, NodeId, PLAIN_VIEW, RunId } from "../../shared/protocol/identifiers.ts";
import type { StoredEncoding } from "../../shared/protocol/storedEncoding.ts";
import {
  chunkLabelsFilter,
  jobKeys,
  labelsSubject,
  labelWorkFilter,
  labelWorkSubject,
  parseLabelsSubject,
  parseLabelWork,
  shardLabelsFilter,
  streams,
  trainWorkFilter,
  trainWorkSubject,
} from "../../shared/protocol/subjects.ts";

const hash = (digit: string): string => digit.repeat(32);
const key = { labelling: hash("a"), shard: hash("b"), view: hash("c"), chunk: 0 };

describe("the subject of labels", () => {
  it.each([
    [0, 0, 0],
    [1023, 0, 5],
    [1024, 1, 0],
    [65535, 63, 12],
  ])("of chunk %i names its block %i and part %i, and is read back", (chunk, block, part) => {
    const subject = labelsSubject({ ...key, chunk }, part);
    expect(subject).toBe(
      `stillhouse.labels.${key.labelling}.${key.shard}.${key.view}.${block}.${chunk}.${part}`,
    );
    expect(parseLabelsSubject(subject)).toEqual({ ...key, chunk, part });
    expect(matches(streams.labels.filter, subject)).toBe(true);
  });

  const good = labelsSubject({ ...key, chunk: 1500 }, 2);
  it.each([
    ["another root", good.replace("stillhouse", "other")],
    ["another kind", good.replace("labels", "label")],
    ["too few tokens", good.split(".").slice(0, -1).join(".")],
    ["too many tokens", `${good}.0`],
    ["a part that is no number", good.replace(/2$/, "two")],
    ["a negative part", good.replace(/2$/, "-2")],
    ["a part that is no whole number", good.replace(/2$/, "2e-1")],
    ["another way to write a part", good.replace(/2$/, "0x2")],
    ["a leading zero", good.replace(/2$/, "02")],
    ["the block of another chunk", good.replace(".1.1500", ".0.1500")],
    ["nothing", ""],
  ])("is not read with %s", (_, subject) => {
    expect(() => parseLabelsSubject(subject)).toThrow(
      `Cannot read "${subject}" as a subject of the label log`,
    );
  });

  it("is matched by the filters of its chunk and shard, and of no other", () => {
    const at = (chunk: number) => labelsSubject({ ...key, chunk }, 3);
    const chosen = (filter: string) => [1023, 1024, 2047, 2048].filter((chunk) => matches(filter, at(chunk)));
    expect(chosen(chunkLabelsFilter({ ...key, chunk: 1024 }))).toEqual([1024]);
    expect(chosen(shardLabelsFilter(key))).toEqual([1023, 1024, 2047, 2048]);
    for (const other of [{ labelling: hash("d") }, { shard: hash("d") }, { view: hash("d") }]) {
      expect(chosen(shardLabelsFilter({ ...key, ...other }))).toEqual([]);
    }
  });
});

describe("the subjects of work", () => {
  it("are of one consumer each: filters of two labellings and of trainings do not overlap", () => {
    const work = labelWorkSubject(key);
    expect(matches(labelWorkFilter(key.labelling), work)).toBe(true);
    expect(matches(streams.work.filter, work)).toBe(true);
    expect(matches(trainWorkFilter, trainWorkSubject(hash("e")))).toBe(true);
    expect(overlap(labelWorkFilter(hash("a")), labelWorkFilter(hash("b")))).toBe(false);
    expect(overlap(labelWorkFilter(hash("a")), trainWorkFilter)).toBe(false);
    expect(overlap(streams.work.filter, streams.labels.filter)).toBe(false);
  });

  it("name one chunk or a range, and are read back as what they name", () => {
    const at = (chunks: string) => `${labelWorkSubject(key).split(".").slice(0, -1).join(".")}.${chunks}`;
    expect(labelWorkSubject({ ...key, chunk: 16 }, 8)).toBe(at("16-23"));
    expect(parseLabelWork(at("16-23"))).toEqual({ ...key, chunk: 16, count: 8 });
    expect(parseLabelWork(at("7"))).toEqual({ ...key, chunk: 7, count: 1 });
    for (const bad of ["7-7", "8-7", "07", "7-", "-7", "7-8-9", "x", "1.5"]) {
      expect(parseLabelWork(at(bad)), bad).toBeUndefined();
    }
    expect(parseLabelWork(trainWorkSubject(hash("e")))).toBeUndefined();
  });
});

describe("the keys of a run's results", () => {
  it("are found by its filter, and those of a run whose name starts alike are not", () => {
    expect(matches(jobKeys.results("r1"), jobKeys.result("r1", "student-1"))).toBe(true);
    expect(matches(jobKeys.results("r1"), jobKeys.result("r11", "student-1"))).toBe(false);
    expect(matches(jobKeys.results("r1"), jobKeys.checkpoint("r1", "student-1"))).toBe(false);
  });
});

describe("identifiers", () => {
  it("of runs and nodes are one token of a subject", () => {
    for (const schema of [RunId, NodeId]) {
      expect(schema.safeParse("mnist-3f9a").success).toBe(true);
      for (const bad of ["", "a.b", "a b", "A", "*", ">", "-a", "a".repeat(82)]) {
        expect(schema.safeParse(bad).success, bad).toBe(false);
      }
    }
  });

  it("of labellings differ when teacher, encoding or chunk size do", () => {
    const base = { identity: hash("a"), encoding: "half" as const, chunkSize: 512 };
    const all = [{}, { identity: hash("b") }, { encoding: "float32" as const }, { chunkSize: 256 }];
    expect(new Set(all.map((other) => labellingHash({ ...base, ...other }))).size).toBe(4);
    expect(labellingHash(base)).toBe(
      labellingHash({ chunkSize: 512, encoding: "half", identity: hash("a") }),
    );
    expect(PLAIN_VIEW).toMatch(/^[0-9a-f]{32}$/);
  });

  it("of labellings in half and float32 are what they were before there were other encodings", () => {
    const of = (encoding: StoredEncoding): string =>
      labellingHash({ identity: "0".repeat(32), encoding, chunkSize: 512 });
    // By the version that knew these two alone: labels that it wrote are found.
    expect(of("half")).toBe("c110713ffc0f6242447a07ebd46c0334");
    expect(of("float32")).toBe("5e3a571919ad2f8d273910dafb1b2c8e");
    const others: StoredEncoding[] = [
      "int8",
      { kind: "top-k", k: 2, temperatures: [1] },
      { kind: "top-k", k: 3, temperatures: [1] },
      { kind: "top-k", k: 2, temperatures: [1, 4] },
      { kind: "sampled", draws: 2, temperature: 1 },
      { kind: "sampled", draws: 2, temperature: 4 },
    ];
    expect(new Set(others.map(of)).size).toBe(others.length);
    expect(of({ temperatures: [1], k: 2, kind: "top-k" })).toBe(of(others[1] as StoredEncoding));
  });
});
