import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { memoryRow } from "../../bench/memory/memoryRow.ts";
import { nodesFor } from "../../bench/overlap/nodesFor.ts";
import { overlapSetup } from "../../bench/overlap/setup.ts";
import { serviceMsOf } from "../../bench/pipeline/offeredLoad.ts";
import { rowOf } from "../../bench/pipeline/pipelineRow.ts";
import { robustSlope } from "../../bench/statistics.ts";

// Each starts a server and some processes.
vi.setConfig({ testTimeout: 180_000 });

/** Runs a benchmark with `--json`. */
async function bench(args: string): Promise<{ rows: Record<string, unknown>[]; said: string }> {
  const main = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    "--import",
    import.meta.resolve("tsx"),
    main,
    ...args.split(" "),
    "--json",
  ]);
  return { rows: JSON.parse(stdout), said: stderr };
}

describe("statistics of a pipeline", () => {
  it("are medians of blocks, and the ratio is that of the medians", () => {
    const block = (samples: number) => ({ samples, bytes: 20 * samples, seconds: 2 });
    const row = rowOf("pipeline", 10, [block(100), block(500), block(120)], [block(300), block(200)], 4);
    // Samples a second: 50, 250 and 60; raw 150 and 100.
    expect(row).toEqual({
      case: "pipeline",
      classes: 10,
      samplesPerS: 60,
      mbPerS: expect.closeTo(60 * 20e-6, 12),
      ratioToRaw: 60 / 125,
      nodes: 4,
    });
  });

  it("16 nodes that offer 409,600 samples a second take 20 ms for a chunk of 512", () => {
    expect(serviceMsOf(409_600, 16, 512)).toBeCloseTo(20, 12);
  });

  it("a robust slope is that of most pairs, whatever a few points say", () => {
    const line = Array.from({ length: 21 }, (_, x) => [x, 3 * x + 1] as const);
    expect(robustSlope(line)).toBe(3);
    expect(robustSlope(line.map(([x, y]) => [x, x % 7 === 3 ? 1000 : y] as const))).toBeCloseTo(3, 12);
    expect(() => robustSlope([[1, 1]])).toThrow(RangeError);
  });

  it("memory that is flat after the first fifth has no slope; one that grows by 1 MB a second has it by samples", () => {
    const flat = Array.from({ length: 50 }, (_, s) => (s < 10 ? 50 + s : 60) * 1e6);
    expect(memoryRow("student", flat, 1_000_000)).toEqual({
      role: "student",
      samples: 1_000_000,
      startMb: 52,
      medianMb: 60,
      endMb: 60,
      slopeMbPerMillion: 0,
    });
    const growing = Array.from({ length: 50 }, (_, s) => (100 + s) * 1e6);
    // Two million samples in 50 looks: 25 looks a million.
    expect(memoryRow("student", growing, 2_000_000).slopeMbPerMillion).toBeCloseTo(25, 9);
  });

  it("nodes are half as many again as the student needs, and too few are half of that need", () => {
    const setup = overlapSetup({ studentWidth: 8, teacherWidth: 8, teachers: 3, epochs: 1, samples: 1024 });
    // Three teachers and batches of 128 at 10 ms: 38,400 answers a second. A node gives 512 in 40 ms: 12,800.
    const times = { stepMs: 10, chunkMs: 40, forwardMs: 10, ownLoopMs: 40 };
    expect(nodesFor(setup, times)).toEqual({ enough: 5, tooFew: 1 });
  });
});

describe("npm run bench -- pipeline", () => {
  it("labels on a real server and moves the same by bare clients, and gives both as JSON", async () => {
    const { rows } = await bench("pipeline --classes 10,1000 --samples 2048 --nodes 2 --blocks 1");
    const keys = ["case", "classes", "samplesPerS", "mbPerS", "ratioToRaw", "nodes"];
    expect(rows.map((row) => [row.case, row.classes, row.nodes])).toEqual([
      ["pipeline", 10, 2],
      ["raw", 10, 0],
      ["pipeline", 1000, 2],
      ["raw", 1000, 0],
    ]);
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(keys);
      expect(row.samplesPerS).toBeGreaterThan(0);
      // A message has 512 samples of 20 or 2,000 bytes and less than a kilobyte beside them.
      const perSample = (1e6 * (row.mbPerS as number)) / (row.samplesPerS as number);
      expect(perSample).toBeGreaterThan(2 * (row.classes as number));
      expect(perSample).toBeLessThan(2 * (row.classes as number) + 4);
    }
    expect(rows.map((row) => row.ratioToRaw)).toEqual([expect.any(Number), 1, expect.any(Number), 1]);
  });

  it("tells what a coordinator takes on a log of many messages", async () => {
    const { rows } = await bench("pipeline --subjects 4000");
    // Of 4,000 chunks and teachers, and one chunk of test samples of each of four, the last 64 are left out.
    expect(rows.map((row) => [row.case, row.subjects])).toEqual([
      ["start", 3940],
      ["resume", 3940],
      ["reconcile", 3940],
    ]);
    for (const { seconds } of rows) expect(seconds).toBeGreaterThan(0);
  });
});

describe("npm run bench -- overlap", () => {
  it("trains beside simulated teachers, and without any from the full log", async () => {
    const size = "--teachers 2 --teacher-width 16 --student-width 8 --samples 2048 --blocks 1 --seconds 0.05";
    const { rows } = await bench(`overlap ${size}`);
    const [alone, enough, tooFew, own, bound, published] = rows;
    expect([alone?.nodes, own?.nodes, bound?.nodes, published?.nodes]).toEqual([0, 0, 0, 0]);
    expect(enough?.nodes).toBeGreaterThan(tooFew?.nodes as number);
    expect(enough?.offered).toBeGreaterThanOrEqual(1.5);
    for (const row of [alone, enough, tooFew]) {
      expect(row?.waiting).toBeGreaterThanOrEqual(0);
      expect(row?.waiting).toBeLessThan(1);
    }
    expect(alone?.ofAlone).toBe(1);
    expect(published?.ofAlone).toBeCloseTo(1514 / 1828, 12);
  });
});

describe("npm run bench -- memory", () => {
  it("looks at every role and the server while samples go through", async () => {
    const { rows } = await bench("memory --samples 16384 --nodes 2 --seconds 4");
    expect(rows.map(({ role }) => role)).toEqual(["coordinator", "teachers", "student", "nats-server"]);
    for (const { medianMb } of rows) expect(medianMb).toBeGreaterThan(1);
  });

  it("kills nodes in the middle of a chunk, and lists what the server holds before and after", async () => {
    const { rows, said } = await bench("memory --deaths 6 --at-once 2 --samples 40000 --settle 1");
    expect(said).toMatch(
      /^6 nodes died in \d+ s, while [1-9]\d* chunks were labelled; 0 chunks met 5 deaths$/m,
    );
    const count = (what: string) => rows.find((row) => row.what === what);
    expect(count("streams")?.after).toBe(count("streams")?.before);
    expect(count("keys of KV_stillhouse-runs")).toMatchObject({ before: 1, after: 1 });
    expect(count("consumers of STILLHOUSE_WORK")).toMatchObject({ before: 2, after: 2 });
  });
});
