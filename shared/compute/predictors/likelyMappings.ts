import type { ModelMapping } from "../../config/modelFileSpec.ts";

export type Preprocessing = Pick<ModelMapping, "scale" | "mean" | "deviation">;

/** A way of preparing inputs that published models use, and where it is usual. */
export interface LikelyMapping {
  readonly preprocessing: Preprocessing;
  readonly usual: string;
}

/**
 * What a model of images may have been trained on, where nothing says so: the data's own range is [0, 1].
 * @param channels of the images
 */
export function likelyMappings(channels: number): LikelyMapping[] {
  const plain = { scale: 1, mean: 0, deviation: 1 };
  return [
    { preprocessing: plain, usual: "from 0 to 1" },
    { preprocessing: { ...plain, scale: 255 }, usual: "bytes, from 0 to 255" },
    { preprocessing: { ...plain, mean: 0.5, deviation: 0.5 }, usual: "from -1 to 1" },
    ...(channels === 1
      ? [{ preprocessing: { scale: 1, mean: 0.1307, deviation: 0.3081 }, usual: "MNIST, standardised" }]
      : []),
    ...(channels === 3
      ? [
          {
            preprocessing: { scale: 1, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
            usual: "ImageNet, standardised for each channel",
          },
          {
            preprocessing: { scale: 1, mean: [0.4914, 0.4822, 0.4465], deviation: [0.247, 0.2435, 0.2616] },
            usual: "CIFAR-10, standardised for each channel",
          },
          {
            preprocessing: { scale: 255, mean: [123.68, 116.779, 103.939], deviation: 1 },
            usual: "bytes without ImageNet's mean",
          },
        ]
      : []),
  ];
}

/** Whether outputs look like probabilities: none below 0, and every row sums to 1. */
export function lookLikeProbabilities(outputs: Float32Array, columns: number): boolean {
  for (let from = 0; from < outputs.length; from += columns) {
    const row = outputs.subarray(from, from + columns);
    const sum = row.reduce((total, value) => total + value, 0);
    if (Math.abs(sum - 1) > 1e-3 || row.some((value) => value < 0)) return false;
  }
  return outputs.length > 0;
}
