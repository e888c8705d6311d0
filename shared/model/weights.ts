import * as tf from "@tensorflow/tfjs";
import { sha256 } from "../determinism/hash.ts";
import { StillhouseError } from "../errors.ts";
import { bytesOfFloats } from "./bytes.ts";

export interface NamedWeight {
  /** Layer and role: `dense_1/kernel`. */
  name: string;
  shape: number[];
  /** Row-major. */
  data: Float32Array;
}

/** Weights do not belong to the model that should hold them. */
export class WeightsMismatch extends StillhouseError {}

/** Copies of all weights, in the order of the layers. */
export function readWeights(model: tf.LayersModel): NamedWeight[] {
  return weightSlots(model).map(({ name, variable }) => ({
    name,
    shape: [...variable.shape],
    data: new Float32Array(variable.dataSync()),
  }));
}

/** Copies of weights that may live on. */
export function copyWeights(weights: readonly NamedWeight[]): NamedWeight[] {
  return weights.map(({ name, shape, data }) => ({ name, shape, data: data.slice() }));
}

/**
 * Gives a model these weights.
 * @throws WeightsMismatch when number, names, order or shapes differ from the model's; then nothing was written
 */
export function writeWeights(model: tf.LayersModel, weights: readonly NamedWeight[]): void {
  const own = weightSlots(model);
  const described = (list: readonly { name: string; shape: readonly number[] }[]): string[] =>
    list.map(({ name, shape }) => `${name} [${shape}]`);
  const expected = described(own.map(({ name, variable }) => ({ name, shape: variable.shape })));
  const given = described(weights);
  const place = Array.from({ length: Math.max(expected.length, given.length) }).findIndex(
    (_, i) => expected[i] !== given[i],
  );
  if (place >= 0) {
    throw new WeightsMismatch(
      `Cannot write weights into model "${model.name}": at place ${place} it holds ${expected[place] ?? "nothing"}, the weights hold ${given[place] ?? "nothing"}; use the weights of the same architecture`,
      { fields: { place, expected, given } },
    );
  }
  for (const { name, shape, data } of weights) {
    if (data.length !== tf.util.sizeFromShape(shape)) {
      throw new WeightsMismatch(
        `Cannot write weight ${name} of shape [${shape}]: it has ${data.length} numbers, not ${tf.util.sizeFromShape(shape)}`,
        { fields: { name, shape, numbers: data.length } },
      );
    }
  }
  own.forEach(({ variable }, i) => {
    assignFloats(variable, (weights[i] as NamedWeight).data);
  });
}

/** Gives a variable new values, copied: the cpu backend would otherwise go on reading the caller's array. */
export function assignFloats(variable: tf.Variable, data: Float32Array): void {
  const tensor = tf.tensor(data.slice(), variable.shape, "float32");
  variable.assign(tensor);
  tensor.dispose();
}

/**
 * Gives a model those weights that it has, by their names.
 * @throws WeightsMismatch when one of `slots` is not among them, or has another size; then some may be written
 */
export function assignByName(slots: readonly WeightSlot[], weights: readonly NamedWeight[]): void {
  const given = new Map(weights.map((weight) => [weight.name, weight]));
  for (const { name, variable } of slots) {
    const data = given.get(name)?.data;
    if (data?.length !== variable.size) {
      throw new WeightsMismatch(
        `Cannot write weight ${name} of ${variable.size} numbers: ${data ? `${data.length} are given` : "it is not among those given"}; use the weights of the same architecture`,
        { fields: { name, size: variable.size, given: data?.length ?? null } },
      );
    }
    assignFloats(variable, data);
  }
}

/** SHA-256 over names, shapes and little-endian bytes: 64 hexadecimal digits. */
export function weightsHash(weights: readonly NamedWeight[]): string {
  return sha256(
    ...weights.flatMap(({ name, shape, data }) => [JSON.stringify([name, shape]), bytesOfFloats(data)]),
  );
}

export interface WeightSlot {
  /** Layer and role: `dense_1/kernel`. */
  name: string;
  variable: tf.Variable;
  /** By gradients; a moving average of batch normalisation is not. */
  trained: boolean;
}

/** Where a model keeps its weights, in the order of the layers. */
export function weightSlots(model: tf.LayersModel): WeightSlot[] {
  const trained = new Set(model.trainableWeights.map((weight) => weight.read()));
  return model.layers.flatMap((layer) =>
    layer.weights.map((weight) => ({
      // A weight's own name carries a number that counts over the process; its original one does not.
      name: `${layer.name}/${weight.originalName.split("/").at(-1)}`,
      variable: weight.read() as tf.Variable,
      trained: trained.has(weight.read()),
    })),
  );
}
