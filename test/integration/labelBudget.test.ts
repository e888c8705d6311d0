import { expect, it, vi } from "vitest";
import { workspace } from "../helpers/cli.ts";
import { smallSpec } from "./specs.ts";

// Several processes, on machines that may be busy.
vi.setConfig({ testTimeout: 300_000 });

/** In chunks of 16: 64 with training samples and 8 of the test split, of two teachers. */
const data = { format: "synthetic", train: 1024, test: 128, features: 16, classes: 4 };
const CHUNKS = 72;
/** 4 classes in two bytes. */
const MESSAGE_BYTES = 16 * 4 * 2;

it("students in worker threads whose labels are three times their disk get the same weights from a server", async () => {
  const place = await workspace();
  const { student } = smallSpec() as { student: object };
  const specOf = (name: string, more: object) =>
    place.spec(name, smallSpec({ name, data, student: { ...student, shuffle: "windows", ...more } }));
  const third = await specOf("third", { labelStoreBytes: 2 * 24 * MESSAGE_BYTES });

  const plan = await place.run(["plan", third]);
  expect(plan.code, plan.stderr).toBe(0);
  // Of 72 chunks of 256 bytes 24 are kept, and 40 with training samples are not. Two windows of 8 chunks are 256 samples of 16.
  expect(plan.stdout).toContain(
    "about 6.1 kB on a student node's disk; limit 6.1 kB, of about 18.4 kB\n          each training reads about 10.2 kB an epoch again from the log, and holds up to 4.1 kB of it in memory",
  );

  const some = await place.report([third, "--store", "store"], "out-third");
  const all = await place.report([await specOf("whole", {}), "--store", "store"], "out-whole");
  expect(some.student.weightsHash).toBe(all.student.weightsHash);
  const { readAgain, ...once } = some.labelLog;
  expect(all.labelLog).toEqual(once);
  expect(once.messages).toBe(2 * CHUNKS);
  // Of 144 messages 96 are not kept, of which at most 16 are of the test split: each of four epochs reads 80 or more.
  expect(readAgain?.messages).toBeGreaterThanOrEqual(4 * 80);
  expect(readAgain?.bytes).toBeGreaterThan(4 * 80 * MESSAGE_BYTES);
});
