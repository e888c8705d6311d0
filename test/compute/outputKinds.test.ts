import * as tf from "@tensorflow/tfjs";
import { beforeAll, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { mappedOutputs } from "../../shared/compute/predictors/mappingTensors.ts";
import { mapOutputs } from "../../shared/compute/predictors/modelMapping.ts";
import { expectClose, expectNoLeak } from "../helpers/tensors.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const given = [0.5, 0.9, 0.001, 0, 1, 0.25];
const floor = 1e-4;
/** Of each kind of output, what becomes of those numbers. */
const expected = {
  logits: given,
  values: given,
  probabilities: given.map((p) => Math.log(Math.max(p, floor))),
  // Log odds, neither probability below the floor.
  sigmoids: given.map((p) => Math.log(Math.max(p, floor) / Math.max(1 - p, floor))),
} as const;

it.each(Object.keys(expected) as (keyof typeof expected)[])(
  "a model's %s become logits alike on the host and in a graph",
  (output) => {
    const mapping = { output, probabilityFloor: floor, labels: undefined };
    expectClose(mapOutputs(Float32Array.from(given), 3, mapping), expected[output], 1e-5);
    const inGraph = expectNoLeak(() => {
      let values: number[] = [];
      tf.tidy(() => {
        values = [...mappedOutputs(tf.tensor2d(given, [2, 3]), mapping).dataSync()];
      });
      return values;
    });
    expectClose(inGraph, expected[output], 1e-5);
  },
);
