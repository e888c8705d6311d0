import { once } from "node:events";
import { Worker } from "node:worker_threads";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { defaultCacheDir } from "../../cli/bootstrap/nats-server.mjs";
import { TESTED_TENSORFLOW } from "../../cli/native/wheels.ts";
import { type BackendReport, chooseBackend } from "../../shared/compute/backend.ts";
import { cacheFolder, nativeFolder } from "../../shared/compute/native/nativeFolder.ts";
import { nativeMissing } from "../helpers/nativeBackend.ts";

describe.skipIf(nativeMissing !== null)(
  `TensorFlow's own library${nativeMissing === null ? "" : ` (skipped: ${nativeMissing})`}`,
  () => {
    let report: BackendReport;
    beforeAll(async () => {
      report = await chooseBackend({ prefer: "tfjs-node" });
    });

    it("computes where it is asked for, and says its version", () => {
      expect(report.name).toBe("tfjs-node");
      expect(report.version).toBe(`4.22.0 with TensorFlow ${TESTED_TENSORFLOW}`);
      expect(report.tried[0]?.why).toBe("native TensorFlow on the CPU, built by stillhouse native install");
      expect(tf.getBackend()).toBe("tensorflow");
    });

    it("shares its process with the other backends", async () => {
      await chooseBackend({ prefer: "cpu" });
      const onCpu = tf.tensor1d([1, 2, 3]);
      await chooseBackend({ prefer: "tfjs-node" });
      // The tensor is brought over, as one engine holds both.
      expect([...onCpu.add(1).dataSync()]).toEqual([2, 3, 4]);
      onCpu.dispose();
    });

    it("three threads of one process train at once, each to the same losses", async () => {
      const start = `import { register } from ${JSON.stringify(import.meta.resolve("tsx/esm/api"))};
        register();
        await import(${JSON.stringify(new URL("./nativeWorker.ts", import.meta.url).href)});`;
      const url = new URL(`data:text/javascript,${encodeURIComponent(start)}`);
      const answers = await Promise.all(
        [1, 2, 3].map(async () => {
          const worker = new Worker(url, { execArgv: [] });
          const [answer] = await once(worker, "message");
          await worker.terminate();
          return answer as { name: string; losses: number[] };
        }),
      );
      expect(answers.map(({ name }) => name)).toEqual(["tfjs-node", "tfjs-node", "tfjs-node"]);
      const [first] = answers;
      expect(first?.losses.at(-1)).toBeLessThan(first?.losses[0] ?? 0);
      for (const { losses } of answers) expect(losses).toEqual(first?.losses);
    });
  },
);

describe("nativeFolder()", () => {
  it("lies in the cache of the rest of Stillhouse, whose loader is JavaScript", () => {
    const envs = [
      { HOME: "/home/a" },
      { HOME: "/home/a", XDG_CACHE_HOME: "/var/cache" },
      { HOME: "/home/a", XDG_CACHE_HOME: "relative" },
      { STILLHOUSE_CACHE: "/x" },
      { LOCALAPPDATA: "C:\\Users\\a" },
    ];
    for (const env of envs) {
      for (const platform of ["linux", "darwin", "win32"] as const) {
        expect(cacheFolder(env, platform)).toBe(defaultCacheDir(env, platform));
      }
    }
  });

  it("is STILLHOUSE_NATIVE_DIR where that is set", () => {
    expect(nativeFolder({ STILLHOUSE_NATIVE_DIR: "/builds", STILLHOUSE_CACHE: "/x" })).toBe("/builds");
    expect(nativeFolder({ STILLHOUSE_CACHE: "/x" }, "linux")).toBe("/x/native");
  });
});
