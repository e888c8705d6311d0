import * as tf from "@tensorflow/tfjs";
import type { ElementType } from "../graph.ts";
import type { KernelRule } from "../kernelRule.ts";
import { operand } from "./operands.ts";
import { axesOf, binary, cast, reshape, sizeOf, transpose } from "./operators.ts";

/** A comparison with the list of classes: an index outside of it gives a row without a one, as in TensorFlow.js. */
const oneHot: KernelRule = {
  kernel: "OneHot",
  infer(inputs, { depth, dtype }) {
    const { shape } = operand(inputs, "indices");
    return { shape: [...shape, depth as number], dtype: dtype as ElementType };
  },
  lower(g, inputs, { depth, onValue, offValue, dtype }) {
    const indices = operand(inputs, "indices");
    const classes = g.constant([...Array(depth as number).keys()], {
      shape: [depth as number],
      dtype: indices.dtype,
    });
    const hits = binary(g, "Equal", reshape(g, indices, [...indices.shape, 1]), classes, "bool");
    const type = dtype as ElementType;
    if (onValue === 1 && offValue === 0) return cast(g, hits, type);
    const on = g.scalar(onValue as number);
    const off = g.scalar(offValue as number);
    return cast(g, g.op("Where", [hits, on, off], { shape: hits.shape, dtype: "float32" }), type);
  },
};

const gather: KernelRule = {
  kernel: "GatherV2",
  infer(inputs, { axis, batchDims }) {
    const x = operand(inputs, "x");
    const { outputShape } = gatherShapes(x, operand(inputs, "indices"), axis, batchDims);
    return { shape: outputShape, dtype: x.dtype };
  },
  lower(g, inputs, { axis, batchDims }) {
    const x = operand(inputs, "x");
    const indices = operand(inputs, "indices");
    const along = axesOf(axis, x.shape.length)[0] as number;
    const { batchSize, outerSize, dimSize, sliceSize, outputShape } = gatherShapes(
      x,
      indices,
      axis,
      batchDims,
    );
    const shape = outputShape;
    if (!batchDims) return g.op("Gather", [x, indices], { shape, dtype: x.dtype }, { axis: along });
    const count = sizeOf(indices.shape) / batchSize;
    const table = transpose(g, reshape(g, x, [batchSize, outerSize, dimSize, sliceSize]), [0, 2, 1, 3]);
    const places = reshape(g, cast(g, indices, "int64"), [batchSize, count, 1]);
    const rows = { shape: [batchSize, count, outerSize, sliceSize], dtype: x.dtype };
    const found = g.op("GatherND", [table, places], rows, { batch_dims: 1 });
    return reshape(g, transpose(g, found, [0, 2, 1, 3]), shape);
  },
};

function gatherShapes(
  x: { shape: readonly number[] },
  indices: { shape: readonly number[] },
  axis: unknown,
  batchDims: unknown,
): ReturnType<typeof tf.backend_util.segment_util.collectGatherOpShapeInfo> {
  return tf.backend_util.segment_util.collectGatherOpShapeInfo(
    { shape: [...x.shape] } as tf.TensorInfo,
    { shape: [...indices.shape] } as tf.TensorInfo,
    axesOf(axis, x.shape.length)[0] as number,
    (batchDims as number | undefined) ?? 0,
  );
}

const gatherNd: KernelRule = {
  kernel: "GatherNd",
  infer(inputs) {
    const { shape, dtype } = operand(inputs, "params");
    const indices = operand(inputs, "indices").shape;
    return { shape: [...indices.slice(0, -1), ...shape.slice(indices.at(-1) as number)], dtype };
  },
  lower(g, inputs) {
    const params = operand(inputs, "params");
    const indices = operand(inputs, "indices");
    const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(indices.shape.at(-1) as number)];
    return g.op("GatherND", [params, cast(g, indices, "int64")], { shape, dtype: params.dtype });
  },
};

export const indexingRules: readonly KernelRule[] = [oneHot, gather, gatherNd];
