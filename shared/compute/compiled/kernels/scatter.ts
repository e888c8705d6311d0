import type { Graph, Value } from "../graph.ts";
import type { KernelRule } from "../kernelRule.ts";
import { operand } from "./operands.ts";
import { binary, cast, reduce, reshape, sizeOf } from "./operators.ts";
import { expanded } from "./zeros.ts";

/** Up to how many segments a product with their one-hot rows is faster than adding row by row. */
const FEW_SEGMENTS = 64;

/**
 * Adds rows into the segments that they belong to. ONNX Runtime adds up ScatterND in several threads without
 * synchronising them and loses additions to one place; ScatterElements and products are right and repeatable.
 * @param rows [rows, columns]
 * @param segments int32 [rows], each at least 0 and below `count`
 * @returns [count, columns]
 */
function addRows(g: Graph, rows: Value, segments: Value, count: number): Value {
  const { dtype } = rows;
  const [n, columns] = rows.shape as [number, number];
  const sums = { shape: [count, columns], dtype };
  if (count <= FEW_SEGMENTS && dtype === "float32") {
    const names = g.constant([...Array(count).keys()], { shape: [count], dtype: "int32" });
    const member = cast(g, binary(g, "Equal", reshape(g, segments, [n, 1]), names, "bool"), dtype);
    return g.op("Gemm", [member, rows], sums, { transA: 1 });
  }
  const places = g.op("Expand", [reshape(g, segments, [n, 1]), g.list(rows.shape)], {
    shape: rows.shape,
    dtype: "int32",
  });
  return g.op("ScatterElements", [expanded(g, 0, sums), places, rows], sums, { axis: 0, reduction: "add" });
}

/** Rows whose segment is none of the wanted ones are dropped: zeros are added to segment 0 in their place. */
const unsortedSegmentSum: KernelRule = {
  kernel: "UnsortedSegmentSum",
  infer(inputs, { numSegments }) {
    const { shape } = operand(inputs, "x");
    return { shape: [numSegments as number, ...shape.slice(1)], dtype: "float32" };
  },
  lower(g, inputs, { numSegments }) {
    const x = cast(g, operand(inputs, "x"), "float32");
    const ids = cast(g, operand(inputs, "segmentIds"), "int32");
    const count = numSegments as number;
    const n = sizeOf(ids.shape);
    const notBefore = binary(g, "GreaterOrEqual", ids, g.scalar(0, "int32"), "bool");
    const notAfter = binary(g, "Less", ids, g.scalar(count, "int32"), "bool");
    const wanted = binary(g, "And", notBefore, notAfter);
    const rows = reshape(g, x, [n, sizeOf(x.shape) / n]);
    const terms = g.op("Where", [reshape(g, wanted, [n, 1]), rows, g.scalar(0)], rows);
    const segments = g.op("Where", [wanted, ids, g.scalar(0, "int32")], ids);
    return reshape(g, addRows(g, terms, segments, count), [count, ...x.shape.slice(1)]);
  },
};

/** Adds up slices in a tensor of zeros, each at the place that its row of `indices` names. */
const scatterNd: KernelRule = {
  kernel: "ScatterNd",
  infer: (inputs, { shape }) => ({ shape: shape as number[], dtype: operand(inputs, "updates").dtype }),
  lower(g, inputs, attributes) {
    const shape = attributes.shape as number[];
    const indices = operand(inputs, "indices");
    const updates = operand(inputs, "updates");
    const depth = indices.shape.at(-1) as number;
    const n = sizeOf(indices.shape) / depth;
    const strides = shape.slice(0, depth).map((_, i) => sizeOf(shape.slice(i + 1, depth)));
    const factors = g.constant(strides, { shape: [depth], dtype: "int32" });
    const flat = binary(g, "Mul", reshape(g, cast(g, indices, "int32"), [n, depth]), factors);
    const places = reduce(g, "ReduceSum", flat, [1], false);
    const rows = reshape(g, updates, [n, sizeOf(updates.shape) / n]);
    return reshape(g, addRows(g, rows, places, sizeOf(shape.slice(0, depth))), shape);
  },
};

/** Replaces slices of a tensor; no two of them may have the same place. */
const tensorScatterUpdate: KernelRule = {
  kernel: "TensorScatterUpdate",
  infer(inputs) {
    const { shape, dtype } = operand(inputs, "tensor");
    return { shape, dtype };
  },
  lower(g, inputs) {
    const tensor = operand(inputs, "tensor");
    const indices = cast(g, operand(inputs, "indices"), "int64");
    return g.op("ScatterND", [tensor, indices, operand(inputs, "updates")], tensor);
  },
};

export const scatterRules: readonly KernelRule[] = [unsortedSegmentSum, scatterNd, tensorScatterUpdate];
