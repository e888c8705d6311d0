import { parentPort } from "node:worker_threads";
import { encodeModel } from "../../shared/compute/compiled/encode.ts";
import { Graph } from "../../shared/compute/compiled/graph.ts";
import { loadOnnxRuntime, sessionOf } from "../../shared/compute/compiled/session.ts";
import { connectRpc, type Rpc } from "../../shared/compute/workerRpc.ts";

/** What the worker tells its test: that it is at work, and will not leave off by itself. */
export type TestSide = { began(): void };

export interface WorkerSide {
  /**
   * One call of ONNX Runtime after the other, which takes nearly all of the thread's time.
   * @param size of the square matrices that are multiplied in a call
   */
  compute(size: number): Promise<never>;
  /** Never comes back to the event loop. */
  spin(): void;
  /** Ends the thread with an error. */
  fail(): void;
}

if (parentPort) {
  const test: Rpc<TestSide> = connectRpc<TestSide, WorkerSide>(parentPort, {
    async compute(size) {
      const { Tensor } = await loadOnnxRuntime();
      const matrix = { shape: [size, size], dtype: "float32" } as const;
      const graph = new Graph();
      const x = graph.input("x", matrix);
      graph.output("y", graph.op("MatMul", [x, x], matrix));
      const session = await sessionOf(encodeModel(graph.finish()), { threads: 1, spinning: false });
      const feeds = { x: new Tensor("float32", new Float32Array(size * size), [size, size]) };
      await session.run(feeds);
      test.call("began");
      for (;;) await session.run(feeds);
    },
    spin() {
      test.call("began");
      for (;;);
    },
    fail() {
      setImmediate(() => {
        throw new Error("out of luck");
      });
    },
  });
}
