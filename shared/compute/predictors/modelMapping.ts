import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { StillhouseError } from "../../errors.ts";
import { toLogit } from "../../labels/toLogit.ts";
import { sizeOf } from "../compiled/kernels/operators.ts";

/** A mapping that does not fit the data or the model. */
export class MappingMismatch extends StillhouseError {}

/** How a sample of the data becomes one of a model's input. */
export interface InputPlan {
  /** [rows, ...shape] */
  readonly shape: readonly number[];
  /** For each number of a mapped sample, its place in the data's; null: the same. */
  readonly places: Uint32Array | null;
  /** For each number of a mapped sample: it becomes x factor + term. */
  readonly factors: Float32Array;
  readonly terms: Float32Array;
}

/**
 * Plans how samples of the data become inputs of a model.
 * @param data shape of a sample: [height, width, channels] for images, [size] for the rest
 * @param model sizes of the model's input without its batch, null where it takes any
 * @param signature of the model in words, for errors
 * @throws MappingMismatch
 */
export function planInput(
  data: readonly number[],
  model: readonly (number | null)[],
  mapping: Pick<ModelMapping, "layout" | "scale" | "mean" | "deviation">,
  signature: string,
): InputPlan {
  const size = sizeOf(data);
  const layout = mapping.layout ?? layoutOf(data, model);
  const [height = 0, width = 0, channels = 0] = data;
  if (layout === "nchw" && data.length !== 3) {
    throw new MappingMismatch(
      `Cannot bring samples of shape [${data.join(", ")}] into the layout nchw: only images of [height, width, channels] have it`,
      { fields: { data, layout } },
    );
  }
  const natural = layout === "nchw" ? [channels, height, width] : layout === "flat" ? [size] : [...data];
  const shape = fitted(natural, model) ?? (mapping.layout ? undefined : sameNumbers(data, model));
  if (!shape) {
    throw new MappingMismatch(
      `Cannot give samples of shape [${data.join(", ")}] to the model${mapping.layout ? ` in the layout ${layout}` : ""}: it has ${signature}`,
      { fields: { data, model, layout } },
    );
  }
  const planes = height * width;
  const places =
    layout === "nchw" && channels > 1
      ? Uint32Array.from({ length: size }, (_, i) => (i % planes) * channels + Math.floor(i / planes))
      : null;
  // Channels come last in the data: the place of a number there tells its channel.
  const last = data.length === 3 ? channels : 1;
  const channel = (i: number): number => (places?.[i] ?? i) % last;
  const deviation = perChannel(mapping.deviation, last, "deviation");
  const mean = perChannel(mapping.mean, last, "mean");
  return {
    shape,
    places,
    factors: Float32Array.from({ length: size }, (_, i) => mapping.scale / deviation(channel(i))),
    terms: Float32Array.from({ length: size }, (_, i) => -mean(channel(i)) / deviation(channel(i))),
  };
}

/**
 * (scale x - mean) / deviation, in the model's layout.
 * @param inputs [rows, ...sample], as the data has them
 * @returns [rows, ...plan.shape]
 */
export function mapInputs({ places, factors, terms }: InputPlan, inputs: Float32Array): Float32Array {
  const size = factors.length;
  const out = new Float32Array(inputs.length);
  for (let from = 0; from < inputs.length; from += size) {
    for (let i = 0; i < size; i++) {
      const value = inputs[from + (places === null ? i : (places[i] as number))] as number;
      out[from + i] = value * (factors[i] as number) + (terms[i] as number);
    }
  }
  return out;
}

/**
 * Logits of the data's classes: of probabilities the log, floored, of sigmoids the log odds, and of the model's outputs
 * those that the spec's `labels` name. Values of a regression stay what they are.
 * @param outputs [rows, columns]
 * @returns [rows, classes]
 */
export function mapOutputs(
  outputs: Float32Array,
  columns: number,
  { output, probabilityFloor, labels }: Pick<ModelMapping, "output" | "probabilityFloor" | "labels">,
): Float32Array {
  const plain = output === "logits" || output === "values";
  const logits = plain ? outputs : outputs.map(toLogit(output, probabilityFloor));
  if (!labels) return logits;
  const rows = outputs.length / columns;
  const chosen = new Float32Array(rows * labels.length);
  for (let row = 0; row < rows; row++) {
    labels.forEach((place, k) => {
      chosen[row * labels.length + k] = logits[row * columns + place] as number;
    });
  }
  return chosen;
}

/** @throws MappingMismatch where `labels` names an output that the model does not have */
export function mappedClasses(columns: number, { labels }: Pick<ModelMapping, "labels">): number {
  const beyond = labels?.find((place) => place >= columns);
  if (beyond !== undefined) {
    throw new MappingMismatch(
      `Cannot use the model's output ${beyond}, which the spec's labels name: it has ${columns}, from 0 to ${columns - 1}`,
      { fields: { label: beyond, columns } },
    );
  }
  return labels?.length ?? columns;
}

function layoutOf(data: readonly number[], model: readonly (number | null)[]): "nhwc" | "nchw" | "flat" {
  if (data.length !== 3 || model.length !== 3) return model.length === 1 ? "flat" : "nhwc";
  const [height = 0, width = 0, channels = 0] = data;
  return fitted(data, model) || !fitted([channels, height, width], model) ? "nhwc" : "nchw";
}

/** The shape, where every size that the model fixes is the same. */
function fitted(shape: readonly number[], model: readonly (number | null)[]): readonly number[] | undefined {
  const fits = shape.length === model.length && model.every((n, i) => n === null || n === shape[i]);
  return fits ? shape : undefined;
}

/** The model's shape, where it differs from the data's in sizes of 1 alone, or the data is a plain list. */
function sameNumbers(
  data: readonly number[],
  model: readonly (number | null)[],
): readonly number[] | undefined {
  const sizes = model.filter((n) => n !== null);
  if (sizes.length < model.length || sizeOf(sizes) !== sizeOf(data)) return undefined;
  const real = (shape: readonly number[]): string => shape.filter((n) => n !== 1).join();
  return data.length === 1 || real(data) === real(sizes) ? sizes : undefined;
}

function perChannel(
  value: number | readonly number[],
  channels: number,
  what: string,
): (channel: number) => number {
  if (typeof value === "number") return () => value;
  if (value.length !== channels) {
    throw new MappingMismatch(
      `Cannot use a ${what} for each of ${value.length} channels: the data has ${channels}`,
      { fields: { [what]: value, channels } },
    );
  }
  return (channel) => value[channel] as number;
}
