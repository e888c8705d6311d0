import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesIdx } from "../data/idxFiles.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

/** What the coordinator said that it waits for: seconds and reason. */
function waits(cluster: Cluster): [number, string][] {
  return cluster.logged.flatMap(({ msg }) => {
    const [, seconds, reason] = /^waiting (\d+) s: (.*)$/.exec(`${msg}`) ?? [];
    return reason === undefined ? [] : [[Number(seconds), reason] as [number, string]];
  });
}
const secondsOf = (cluster: Cluster, reason: RegExp): number[] =>
  waits(cluster)
    .filter(([, text]) => reason.test(text))
    .map(([seconds]) => seconds);

const noTeacher = /^no teacher node is alive; start one with/;
const noStudent = /^no student node is alive; start one with/;
const notServed = /^no teacher node serves teacher "ada"$/;

describe("a run that nobody works on", () => {
  it("says every 5 seconds who is missing and for how long, and stops when they come", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { ended } = cluster.coordinator(smallSpec());
      await cluster.until(() => secondsOf(cluster, noTeacher).length === 4);
      expect(secondsOf(cluster, noTeacher)).toEqual([5, 10, 15, 20]);
      expect(secondsOf(cluster, noStudent)).toEqual([5, 10, 15, 20]);
      cluster.student("s1");
      await cluster.until(() => secondsOf(cluster, noTeacher).length === 6);
      expect(secondsOf(cluster, noStudent)).toEqual([5, 10, 15, 20]);
      cluster.teacher("t1");
      await cluster.drive(ended);
      expect(secondsOf(cluster, noTeacher)).toEqual([5, 10, 15, 20, 25, 30]);
      expect(secondsOf(cluster, noStudent)).toHaveLength(4);
    });
  });

  it("says so too when the last teacher node dies in the middle of labelling", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const teacher = cluster.teacher("t1", {
        around: ({ index }, predict) => {
          if (index < 3) return predict();
          teacher.kill();
          return new Promise(() => undefined);
        },
      });
      const { ended } = cluster.coordinator(smallSpec());
      await cluster.until(() => teacher.compute.predictions > 3);
      expect(secondsOf(cluster, noTeacher)).toEqual([]);
      await cluster.until(() => secondsOf(cluster, noTeacher).length === 2);
      expect(secondsOf(cluster, noTeacher)).toEqual([5, 10]);
      cluster.teacher("t2");
      await cluster.drive(ended);
    });
  });

  it("says which teacher nobody serves, though a node is alive", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      // The folder that the node is told to look in has no such data: it is alive and serves nothing.
      cluster.teacher("blind", { dataRoot: join(files.dir, "nowhere") });
      const pair = { inputs: "inputs", labels: "labels" };
      const bytes = Array.from({ length: 80 }, (_, i) => i);
      await writeFile(join(files.dir, "inputs"), bytesIdx([40, 2], bytes));
      await writeFile(
        join(files.dir, "labels"),
        bytesIdx(
          [40],
          bytes.slice(0, 40).map((i) => i % 2),
        ),
      );
      const { ended } = cluster.coordinator(smallSpec({ data: { format: "idx", train: pair, test: pair } }));
      await cluster.until(() => secondsOf(cluster, notServed).length === 3);
      expect(secondsOf(cluster, notServed)).toEqual([5, 10, 15]);
      cluster.teacher("seeing");
      await cluster.drive(ended);
    });
  });
});
