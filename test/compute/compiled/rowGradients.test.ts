import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { chooseBackend } from "../../../shared/compute/backend.ts";
import { withRowGradients } from "../../../shared/compute/compiled/rowGradients.ts";
import { ArchSpec } from "../../../shared/config/spec.ts";
import { compile, type Named, runGraph } from "../../helpers/compiled.ts";
import { settings, small, smallTraining } from "../../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const ROWS = 100;
const WIDTH = 3;
const looked = (table: tf.Tensor, ids: tf.Tensor): tf.Tensor => tf.gather(table, ids as tf.Tensor1D).square();

it("the gradient of a table leaves the graph as rows and their places, which add up to it", async () => {
  const table = tf.randomNormal([ROWS, WIDTH], 0, 1, "float32", 1);
  const ids = tf.tensor1d([7, 99, 7, 0, 7], "int32");
  const inputs = { table, ids };
  const whole = await compile(inputs, ({ table, ids }) => ({
    gradient: tf.grad((t) => looked(t, ids as tf.Tensor).sum())(table as tf.Tensor),
  }));
  const { graph, rowGradients } = withRowGradients(whole);
  expect(whole.nodes.map(({ type }) => type)).toContain("ScatterElements");
  expect(graph.nodes.map(({ type }) => type)).not.toContain("ScatterElements");
  expect(rowGradients).toMatchObject([{ output: "gradient", count: 5, width: WIDTH }]);

  const [found] = rowGradients;
  const outputs = await runGraph(graph, inputs);
  const [rows, places] = [
    outputs[found?.rows ?? ""]?.values ?? [],
    outputs[found?.places ?? ""]?.values ?? [],
  ];
  const sums = new Float32Array(ROWS * WIDTH);
  places.forEach((place, row) => {
    for (let i = 0; i < WIDTH; i++) {
      const at = place * WIDTH + i;
      sums[at] = (sums[at] as number) + (rows[row * WIDTH + i] as number);
    }
  });
  // The square's gradient is 2 x at each look: x was looked at three times in row 7, once in 99 and 0.
  const looks = new Map([
    [7, 3],
    [99, 1],
    [0, 1],
  ]);
  const values = table.dataSync();
  sums.forEach((sum, i) => {
    expect(sum).toBeCloseTo(2 * (values[i] as number) * (looks.get(Math.floor(i / WIDTH)) ?? 0), 5);
  });
  tf.dispose(inputs);
});

it("what else is done with such a gradient stays in the graph, whole", async () => {
  const inputs = {
    table: tf.randomNormal([ROWS, WIDTH], 0, 1, "float32", 1),
    ids: tf.tensor1d([7, 99, 7], "int32"),
    others: tf.tensor1d([1, 2], "int32"),
  };
  const twice = ({ table, ids, others }: Named): Named => ({
    gradient: tf.grad((t) =>
      looked(t, ids as tf.Tensor)
        .sum()
        .add(looked(t, others as tf.Tensor).sum()),
    )(table as tf.Tensor),
  });
  const whole = await compile(inputs, twice);
  expect(withRowGradients(whole)).toEqual({ graph: whole, rowGradients: [] });
  tf.dispose(inputs);
});

it("a table that is trained by its rows has the losses of TensorFlow.js", async () => {
  // Above the number of rows that a product with one-hot vectors adds up.
  const arch = ArchSpec.parse({ ...small.transformer.arch, vocabulary: 70 });
  const [eager, compiled] = await Promise.all([
    smallTraining("transformer", settings("cpu"), { arch }),
    smallTraining("transformer", settings("compiled"), { arch }),
  ]);
  for (let step = 0; step < 20; step++) {
    expect(await compiled.run(step)).toBeCloseTo(await eager.run(step), 5);
  }
  const table = (of: typeof eager): Float32Array =>
    of.trainer.weights().find(({ name }) => name === "embedding/tokens")?.data as Float32Array;
  const [expected, seen] = [table(eager), table(compiled)];
  expect(expected.length).toBeGreaterThan(0);
  expect(seen.length).toBe(expected.length);
  seen.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 4);
  });
  await eager.close();
  await compiled.close();
});
