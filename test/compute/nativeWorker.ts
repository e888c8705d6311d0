import { parentPort } from "node:worker_threads";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { settings, smallTraining } from "../helpers/trainers.ts";

const { name } = await chooseBackend({ prefer: "tfjs-node" });
const { run, close } = await smallTraining("cnn", settings("tfjs-node"));
const losses: number[] = [];
for (let step = 0; step < 40; step++) losses.push(await run(step));
await close();
parentPort?.postMessage({ name, losses });
