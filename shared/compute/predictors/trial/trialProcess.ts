import { startWorker } from "../../workerThread.ts";
import type { Trial, TrialEnd } from "./trialMessages.ts";

/** How often memory is looked at: what is allocated in between is the bound's inaccuracy. */
const LOOK_MS = 20;

// A process of its own, so that memory which a model takes, or time, is lost with the process and not with a node. Its
// first thread watches, and the second one runs the model. It cannot end in any gentler way while ONNX Runtime computes.
const end = (): void => void process.kill(process.pid, "SIGKILL");
process.once("disconnect", end);

const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const worker = startWorker(new URL(`./trialWorker.${extension}`, import.meta.url), {});
let watch: NodeJS.Timeout | undefined;
const tell = (how: TrialEnd, then: () => void = () => {}): void => {
  clearInterval(watch);
  process.send?.(how, then);
};
worker.on("message", (how: TrialEnd) => tell(how));
worker.once("error", (error) => tell({ kind: "failed", why: error.message }, end));

process.on("message", (trial: Trial) => {
  const began = performance.now();
  const before = process.memoryUsage.rss();
  watch = setInterval(() => {
    const memory = process.memoryUsage.rss() - before > trial.mostMemory;
    if (memory || performance.now() - began > trial.mostMs) tell({ kind: memory ? "memory" : "time" }, end);
  }, LOOK_MS);
  worker.postMessage(trial);
});
