import { Worker } from "node:worker_threads";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { chooseBackend, probeBackends } from "../../shared/compute/backend.ts";
import { backendOrder } from "../../shared/compute/backendNames.ts";
import { restoreUtilChecks } from "../../shared/compute/nativeUtilGuard.ts";

const consoleMethods = ["log", "info", "warn", "error"] as const;

afterEach(() => {
  vi.restoreAllMocks();
});

describe("chooseBackend()", () => {
  it("takes the preferred backend, says why of each, and prints nothing", async () => {
    const spies = consoleMethods.map((method) => vi.spyOn(console, method).mockImplementation(() => {}));
    const report = await chooseBackend({ prefer: "cpu" });
    tf.dispose(tf.tensor([1])); // the cpu backend greets at its first tensor
    expect(report.name).toBe("cpu");
    expect(tf.getBackend()).toBe("cpu");
    expect(report.version).toBe("4.22.0");
    expect(report.tried.map(({ backend }) => backend)).toEqual([
      "cpu",
      ...backendOrder.filter((backend) => backend !== "cpu"),
    ]);
    expect(report.tried.filter(({ used }) => used)).toHaveLength(1);
    for (const { why } of report.tried) expect(why).toMatch(/^[^\n]+$/);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  it("without a preference takes the first of its order that works, and prints nothing of the others", async () => {
    const spies = consoleMethods.map((method) => vi.spyOn(console, method).mockImplementation(() => {}));
    const report = await chooseBackend();
    expect(report.tried.map(({ backend }) => backend)).toEqual([...backendOrder]);
    const used = report.tried.findIndex((t) => t.used);
    expect(report.tried[used]?.backend).toBe(report.name);
    expect(used).toBeLessThanOrEqual(backendOrder.indexOf("wasm"));
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  it("works in a worker thread, prints nothing there, leaves no last-resort listener and lets it end", async () => {
    // A thread of Node 20 does not take the loader from its arguments: it has to register it itself.
    const start = `import { register } from ${JSON.stringify(import.meta.resolve("tsx/esm/api"))};
      register();
      await import(${JSON.stringify(new URL("./backendWorker.ts", import.meta.url).href)});`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(start)}`), {
      execArgv: [],
      stderr: true,
      stdout: true,
    });
    let printed = "";
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.on("data", (data) => {
        printed += data;
      });
    }
    const answer = await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    const code = await new Promise((resolve) => worker.once("exit", resolve));
    expect(answer).toEqual({ name: "wasm", product: [2, 4], newListeners: 0 });
    expect(code).toBe(0);
    expect(printed).toBe("");
  });
});

describe("probeBackends()", () => {
  it("tells of every backend whether it works, and leaves the current one as it was", async () => {
    await chooseBackend({ prefer: "cpu" });
    const probes = await probeBackends();
    expect(probes.map(({ backend }) => backend)).toEqual([...backendOrder]);
    for (const name of ["wasm", "cpu"]) {
      expect(probes.find(({ backend }) => backend === name)).toMatchObject({
        usable: true,
        version: "4.22.0",
      });
    }
    for (const { usable, version } of probes) expect(version === null).toBe(!usable);
    expect(tf.getBackend()).toBe("cpu");
  });
});

describe("restoreUtilChecks()", () => {
  it("gives back the checks that are gone", () => {
    const bare: { isNullOrUndefined?(v: unknown): boolean; isArray?(v: unknown): boolean } = {};
    restoreUtilChecks(bare);
    expect([undefined, null, 0, ""].map((v) => bare.isNullOrUndefined?.(v))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect([[], {}].map((v) => bare.isArray?.(v))).toEqual([true, false]);
  });

  it("leaves those that are there", () => {
    const own = (): boolean => true;
    const util = { isArray: own };
    restoreUtilChecks(util);
    expect(util.isArray).toBe(own);
  });
});
