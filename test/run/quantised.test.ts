import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { encodeModel } from "../../shared/compute/compiled/encode.ts";
import { Graph } from "../../shared/compute/compiled/graph.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Event } from "../../shared/protocol/events.ts";
import { runEventSubject } from "../../shared/protocol/subjects.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles();
  await chooseBackend({ prefer: "wasm" });
  const g = new Graph();
  const floats = (shape: number[]) => ({ shape, dtype: "float32" as const });
  const x = g.input("x", floats([-1, 5]));
  const w = g.constant(
    Float32Array.from({ length: 20 }, (_, i) => Math.sin(i * 1.7)),
    floats([5, 4]),
  );
  g.output("y", g.op("MatMul", [x, w], floats([-1, 4])));
  await writeFile(join(files.dir, "dense.onnx"), encodeModel(g.finish()));
});
afterAll(async () => {
  await rm(join(files.dir, "dense.onnx"));
  await files.remove();
});

describe("a teacher in whole numbers", () => {
  it("is another teacher than in floats, and its node tells how near it is; inner tensors make no other", async () => {
    await withCluster(files.dir, async (cluster) => {
      const notices: string[] = [];
      cluster.bus.subscribe(runEventSubject("r1"), ({ data }) => {
        const event = decode(Event, data, "event");
        if (event.type === "notice") notices.push(event.text);
      });
      cluster.teacher("t1", { real: true });
      cluster.student("s1");
      const model = { format: "onnx", path: "dense.onnx", output: "logits" } as const;
      const report = await cluster.run(
        smallSpec({
          teachers: [
            { name: "plain", model },
            { name: "whole", model: { ...model, quantise: "int8" } },
            { name: "open", model: { ...model, features: { answers: "y" } } },
          ],
        }),
      );
      const [plain, whole, open] = (await cluster.record()).teachers.map(({ ready }) => ready?.identity);
      expect(open).toBe(plain);
      expect(whole).not.toBe(plain);
      // The validation split of the small run has 20 samples.
      const told =
        /^teacher "whole" in int8: the same answer as in floats on [\d.]+% of 20 samples, mean KL [\d.e+-]+ nats, largest difference of a logit 0\.0/;
      expect(cluster.logged.filter(({ msg }) => told.test(String(msg)))).toHaveLength(1);
      expect(notices.filter((text) => told.test(text))).toHaveLength(1);
      expect(report.teachers.map(({ quantised }) => quantised?.samples)).toEqual([undefined, 20, undefined]);
    });
  });
});
