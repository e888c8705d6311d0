import { parentPort } from "node:worker_threads";
import * as tf from "@tensorflow/tfjs";
import { chooseBackend } from "../../shared/compute/backend.ts";

// Seen as an emitter, since the process's own types know one signature for each event.
const emitter: NodeJS.EventEmitter = process;
const listeners = (): number =>
  emitter.listenerCount("uncaughtException") + emitter.listenerCount("unhandledRejection");

const before = listeners();
const { name } = await chooseBackend({ prefer: "wasm" });
const product = tf.tidy(() => [...tf.tensor1d([1, 2]).mul(2).dataSync()]);
parentPort?.postMessage({ name, product, newListeners: listeners() - before });
