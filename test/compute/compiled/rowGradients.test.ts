import * as tf from "@tensorflow/tfjs";
import type { Tensor } from "onnxruntime-node";
import { beforeAll, expect, it } from "vitest";
import { chooseBackend } from "../../../shared/compute/backend.ts";
import { GradientOutputs } from "../../../shared/compute/compiled/gradientOutputs.ts";
import { withRowGradients } from "../../../shared/compute/compiled/rowGradients.ts";
import { ArchSpec } from "../../../shared/config/archSpec.ts";
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

it("tables that are looked up at the same places leave these as an output once", async () => {
  const inputs = {
    one: tf.randomNormal([ROWS, WIDTH], 0, 1, "float32", 1),
    other: tf.randomNormal([ROWS, WIDTH], 0, 1, "float32", 2),
    ids: tf.tensor1d([7, 99, 7], "int32"),
  };
  const whole = await compile(inputs, ({ one, other, ids }) => {
    const [ofOne, ofOther] = tf.grads((a, b) =>
      tf
        .gather(a, ids as tf.Tensor1D)
        .add(tf.gather(b, ids as tf.Tensor1D).mul(2))
        .square()
        .sum(),
    )([one as tf.Tensor, other as tf.Tensor]) as [tf.Tensor, tf.Tensor];
    return { ofOne, ofOther };
  });
  const { graph, rowGradients } = withRowGradients(whole);
  expect(rowGradients.map(({ output }) => output)).toEqual(["ofOne", "ofOther"]);
  const names = graph.outputs.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const outputs = await runGraph(graph, inputs);
  for (const { rows, places } of rowGradients) {
    expect(outputs[rows]?.values).toHaveLength(3 * WIDTH);
    expect(outputs[places]?.values).toEqual([7, 99, 7]);
  }
  tf.dispose(inputs);
});

it("places that two tables share are the places of both", async () => {
  const gradients = [new Float32Array(4), new Float32Array(6)] as const;
  const store = {
    trained: () =>
      gradients.map((gradient, i) => ({
        name: `table${i}`,
        shape: [2, 2 + i],
        values: gradient,
        gradient,
      })),
  };
  const outputs = await GradientOutputs.of(
    [0, 1].map((i) => ({
      output: `gradient/table${i}`,
      rows: `rows${i}`,
      places: "places",
      count: 3,
      width: 2 + i,
    })),
    store,
  );
  const fill = (name: string, values: number[]): void =>
    ((outputs.fetches[name] as Tensor).data as Float32Array | Int32Array).set(values);
  expect(Object.keys(outputs.fetches)).toEqual(["rows0", "places", "rows1"]);
  fill("places", [1, 0, 1]);
  fill("rows0", [1, 2, 3, 4, 5, 6]);
  fill("rows1", [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  outputs.addUp();
  outputs.addUp(); // of the same run, not on top of it
  expect([...gradients[0]]).toEqual([3, 4, 6, 8]);
  expect([...gradients[1]]).toEqual([4, 5, 6, 8, 10, 12]);
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
