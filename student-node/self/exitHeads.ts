import type { ComputeSettings } from "../../shared/compute/computeSettings.ts";
import { restoreModel } from "../../shared/compute/predictors/nativeModel.ts";
import { openPredictor } from "../../shared/compute/predictors/openPredictor.ts";
import { type Feature, ROWS_AT_ONCE } from "../../shared/compute/predictors/predictor.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherInputs, gatherLabels } from "../../shared/data/gather.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { accuracy } from "../../shared/evaluate/accuracy.ts";
import type { ExitAccuracy } from "../../shared/evaluate/reportSchema.ts";
import { topClasses } from "../../shared/evaluate/softmax.ts";
import { learntName } from "../../shared/model/tapped.ts";
import type { NamedWeight } from "../../shared/model/weights.ts";
import { pack, unpack } from "../../shared/protocol/msgpack.ts";

const VERSION = 1;

/** The weights of a head after a layer: projection [channels, width], shift [width], classifier [width, classes], bias. */
type Head = Record<"projection" | "shift" | "classifier" | "bias", Float32Array>;

/** The heads among all weights of a training, by the names of its `early-exits` term; undefined: it has none. */
export function packExits(weights: readonly NamedWeight[]): Uint8Array | undefined {
  const heads: Record<string, Partial<Head>> = {};
  for (const { name, data } of weights) {
    const [, layer, role] = /^early-exits-(.+)-(\w+)$/.exec(learntName(name) ?? "") ?? [];
    if (layer && role) heads[layer] = { ...heads[layer], [role]: data };
  }
  return Object.keys(heads).length > 0 ? pack({ version: VERSION, heads }) : undefined;
}

/**
 * The accuracy of each early exit of a student, in the order of its term.
 * @param artifact the student, from the bytes of `packModel`
 * @param exits from `packExits`
 */
export async function exitAccuracies(
  artifact: Uint8Array,
  exits: Uint8Array,
  dataset: Dataset,
  ids: Uint32Array,
  compute: ComputeSettings,
): Promise<ExitAccuracy[]> {
  // Written by a student node and read back under its own digest: the version is what can differ.
  const { version, heads } = unpack(exits) as { version: number; heads: Record<string, Head> };
  if (version !== VERSION) {
    throw new StillhouseError(
      `Cannot read early exits of version ${version}: this version of Stillhouse writes ${VERSION}`,
    );
  }
  const layers = Object.keys(heads);
  const features = Object.fromEntries(layers.map((layer) => [layer, layer]));
  const predictor = await openPredictor(restoreModel(artifact, { features }), compute);
  const chosen = new Map(layers.map((layer) => [layer, new Int32Array(ids.length)]));
  try {
    for (let from = 0; from < ids.length; from += ROWS_AT_ONCE) {
      const slice = ids.subarray(from, from + ROWS_AT_ONCE);
      const given = await predictor.predictWithFeatures?.(gatherInputs(dataset, slice), slice.length);
      for (const layer of layers) {
        const logits = headLogits(heads[layer] as Head, given?.features[layer] as Feature, slice.length);
        chosen.get(layer)?.set(topClasses(logits, dataset.classes), from);
      }
    }
  } finally {
    await predictor.close();
  }
  const truth = gatherLabels(dataset, ids);
  return layers.map((layer) => ({ layer, accuracy: accuracy(chosen.get(layer) as Int32Array, truth) }));
}

/** As `earlyExitsObjective` has them: the mean over the image, a projection with ReLU, a dense layer. */
function headLogits(head: Head, { shape, values }: Feature, rows: number): Float32Array {
  const channels = shape.at(-1) as number;
  const places = shape.reduce((product, n) => product * n, 1) / channels;
  const pooled = new Float32Array(rows * channels);
  values.forEach((value, i) => {
    const at = Math.floor(i / (places * channels)) * channels + (i % channels);
    pooled[at] = (pooled[at] as number) + value / places;
  });
  const shown = dense(pooled, head.projection, head.shift, rows).map((value) => Math.max(0, value));
  return dense(shown, head.classifier, head.bias, rows);
}

/** [rows, from] times [from, to] plus [to]. */
function dense(inputs: Float32Array, kernel: Float32Array, bias: Float32Array, rows: number): Float32Array {
  const [from, to] = [inputs.length / rows, bias.length];
  const out = new Float32Array(rows * to);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < to; o++) {
      let sum = bias[o] as number;
      for (let i = 0; i < from; i++) {
        sum += (inputs[row * from + i] as number) * (kernel[i * to + o] as number);
      }
      out[row * to + o] = sum;
    }
  }
  return out;
}
