import type { ArchSpec } from "../config/archSpec.ts";
import { layerShapes } from "../model/layerShapes.ts";

/** A layer of a student, and how many channels or units it gives. */
export interface ExitLayer {
  readonly layer: string;
  readonly width: number;
}

/** Where a convolutional student's exits are, and the features of the deepest, from which its logits are made. */
export interface Exits {
  /** Their layers give maps: [batch, height, width, channels]. */
  readonly inner: readonly ExitLayer[];
  /** [batch, width]. */
  readonly deepest: ExitLayer;
}

export type ConvolutionalArch = Extract<ArchSpec, { arch: "cnn" | "separable" }>;

export function isConvolutional(arch: ArchSpec): arch is ConvolutionalArch {
  return arch.arch === "cnn" || arch.arch === "separable";
}

/** Blocks after which an exit can be, counted from 1: the last block of a separable net is the deepest itself. */
export function blocksWithExit(arch: ConvolutionalArch): number[] {
  const last = arch.arch === "cnn" ? arch.channels.length : arch.blocks.length - 1;
  return Array.from({ length: last }, (_, i) => i + 1);
}

/** After each convolution of a cnn; of a separable net, where the image is halved next, or in its middle. */
export function usualExits(arch: ConvolutionalArch): number[] {
  const possible = blocksWithExit(arch);
  if (arch.arch === "cnn") return possible;
  const halved = possible.filter((block) => arch.blocks[block]?.stride === 2);
  return halved.length > 0 ? halved : possible.slice(Math.floor((possible.length - 1) / 2)).slice(0, 1);
}

/**
 * The weight of an exit's distance from the deepest features: that of the paper, whose features are normalised; without
 * normalisation they grow until the distance is most of the loss.
 */
export function usualHint({ arch }: ConvolutionalArch): number {
  return arch === "separable" ? 0.03 : 0;
}

/**
 * @param chosen blocks, each one of `blocksWithExit`; absent: the usual ones
 * @param inputShape of a sample
 */
export function exitsOf(
  arch: ConvolutionalArch,
  inputShape: readonly number[],
  chosen: readonly number[] = usualExits(arch),
): Exits {
  const shapes = layerShapes(arch, inputShape, 1);
  const at = (layer: string): ExitLayer => ({ layer, width: shapes.get(layer)?.at(-1) as number });
  return arch.arch === "cnn"
    ? { inner: chosen.map((block) => at(`pool_${block}`)), deepest: at("dense_1") }
    : { inner: chosen.map((block) => at(`pointwise_${block}_relu`)), deepest: at("pool") };
}
