import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { buildTopology } from "../../shared/model/build.ts";
import { layerShapes } from "../../shared/model/layerShapes.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const cases: Record<string, { arch: object; inputShape: number[] }> = {
  mlp: { arch: { arch: "mlp", hidden: [7, 5] }, inputShape: [6, 5, 1] },
  cnn: { arch: { arch: "cnn", channels: [3, 4], dense: 9 }, inputShape: [11, 14, 2] },
  separable: {
    arch: {
      arch: "separable",
      stem: 3,
      blocks: [{ channels: 4, stride: 2 }, { channels: 6 }, { channels: 5, stride: 2 }],
    },
    inputShape: [13, 9, 1],
  },
  transformer: {
    arch: { arch: "transformer", vocabulary: 11, layers: 2, width: 8, heads: 2 },
    inputShape: [6],
  },
};

describe("the shapes of layers that a spec can name", () => {
  it.each(Object.entries(cases))(
    "are those that TensorFlow.js's model has (%s)",
    (_, { arch, inputShape }) => {
      const parsed = ArchSpec.parse(arch);
      const model = buildTopology(parsed, inputShape, 3);
      const shapes = layerShapes(parsed, inputShape, 3);
      const real = model.layers.map(({ name }) => name).filter((name) => shapes.has(name));
      expect([...shapes.keys()]).toEqual(real);
      for (const [name, shape] of shapes) {
        expect((model.getLayer(name).outputShape as number[]).slice(1), name).toEqual(shape);
      }
      model.dispose();
    },
  );
});
