import { afterAll, beforeAll, expect, it } from "vitest";
import { streams } from "../../shared/protocol/subjects.ts";
import { undisturbedHash, withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_CHUNKS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

it("labels that the log loses after all were there are made again for the student that reads them", async () => {
  const spec = smallSpec();
  const calm = await undisturbedHash(files.dir, spec);
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    const { ended } = cluster.coordinator(spec);
    await cluster.until(async () => (await cluster.runState()) === "distilling");
    await cluster.until(async () => (await cluster.record()).labelledAtMs !== null);
    expect((await cluster.labels()).size).toBe(SMALL_CHUNKS);
    expect(cluster.hub.loseLatest(streams.labels.name, 5)).toBe(5);
    cluster.student("s1");
    const report = await cluster.drive(ended);
    expect((await cluster.labels()).size).toBe(SMALL_CHUNKS);
    expect(report?.student.weightsHash).toBe(calm);
    const said = cluster.logged.map(({ msg }) => `${msg}`);
    // The last five chunks: two of the test split, of 32 and 18 rows, and three of the other, of 32, 32 and 8.
    expect(said).toContain("the log has lost the labels of 122 samples: they are asked for again");
  });
});
