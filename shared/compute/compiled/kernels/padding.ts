import type { TypeAndShape, Value } from "../graph.ts";
import type { KernelRule } from "../kernelRule.ts";
import { alongAxes } from "./layout.ts";
import { operand } from "./operands.ts";

type Pads = readonly (readonly [number, number])[];

function padded({ shape, dtype }: TypeAndShape, pads: Pads): TypeAndShape {
  return { shape: shape.map((n, i) => n + (pads[i]?.[0] ?? 0) + (pads[i]?.[1] ?? 0)), dtype };
}

const padV2: KernelRule = {
  kernel: "PadV2",
  infer: (inputs, { paddings }) => padded(operand(inputs, "x"), paddings as Pads),
  lower(g, inputs, { paddings, constantValue }) {
    return alongAxes(g, [operand(inputs, "x")], ([x], inOrder) => {
      const value = x as Value;
      const pads = inOrder(paddings as Pads);
      if (pads.every(([before, after]) => before === 0 && after === 0)) return [value];
      const list = g.list([...pads.map(([before]) => before), ...pads.map(([, after]) => after)]);
      const filler = g.scalar(constantValue as number, value.dtype);
      return [g.op("Pad", [value, list, filler], padded(value, pads), { mode: "constant" })];
    });
  },
};

/** Takes each place of the result from its mirror image, axis by axis: ONNX has no "symmetric", which repeats the edge. */
const mirrorPad: KernelRule = {
  kernel: "MirrorPad",
  infer: (inputs, { paddings }) => padded(operand(inputs, "x"), paddings as Pads),
  lower(g, inputs, { paddings, mode }) {
    const offset = mode === "reflect" ? 0 : 1;
    return alongAxes(g, [operand(inputs, "x")], ([x], inOrder) => {
      const pads = inOrder(paddings as Pads);
      const result = pads.reduce((value, [before, after], axis) => {
        if (before === 0 && after === 0) return value;
        const size = value.shape[axis] as number;
        const places = Array.from({ length: before + size + after }, (_, i) => {
          const place = i - before;
          if (place < 0) return -place - offset;
          return place < size ? place : 2 * (size - 1) - place + offset;
        });
        const shape = value.shape.with(axis, places.length);
        return g.op("Gather", [value, g.list(places)], { shape, dtype: value.dtype }, { axis });
      }, x as Value);
      return [result];
    });
  },
};

export const paddingRules: readonly KernelRule[] = [padV2, mirrorPad];
