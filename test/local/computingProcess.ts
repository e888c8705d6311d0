import { stopSignals } from "../../cli/stopSignals.ts";
import { systemClock } from "../../shared/bus/clock.ts";
import { startComputeThread } from "../../shared/compute/computeThread.ts";
import type { TestSide, WorkerSide } from "../compute/endingWorker.ts";

// A process that listens for the end as a role does, and whose thread is within a long call of ONNX Runtime.
const signal = stopSignals();
signal.addEventListener("abort", () => process.stdout.write("told to end\n"));
const thread = startComputeThread<WorkerSide, TestSide>(
  new URL("../compute/endingWorker.ts", import.meta.url),
  {},
  { began: () => void process.stdout.write("computing\n") },
  systemClock,
);
thread.call("compute", 3072).catch(() => undefined);
