import * as tf from "@tensorflow/tfjs";
import type { ArchSpec } from "../config/archSpec.ts";
import { StillhouseError } from "../errors.ts";
import { SelfAttention } from "./attention.ts";
import { SeededDropout } from "./dropout.ts";
import { Gelu } from "./gelu.ts";
import { LayerNorm } from "./layerNorm.ts";
import { AttentionBias, TokenMask, TokenMean } from "./padding.ts";
import { Projection } from "./projection.ts";
import { TokenEmbedding } from "./tokenEmbedding.ts";

export class TransformerShape extends StillhouseError {}

/**
 * An encoder of token sequences with the normalisation before each half of a block (Xiong and others 2020): vectors of
 * tokens and places; blocks of self-attention and feed-forward, each added to what it was given; a last
 * normalisation, the mean over the tokens, the logits. Padding takes no part: more of it leaves the logits as they are.
 * @param inputs token ids, [batch, length], 0 for padding; the model takes shorter rows too
 * @returns logits, [batch, classes], all weights zero
 * @throws TransformerShape for inputs that are no lists, and when the heads do not share out the width evenly
 */
export function transformer(
  arch: Extract<ArchSpec, { arch: "transformer" }>,
  inputs: tf.SymbolicTensor,
  classes: number,
): tf.SymbolicTensor {
  const { vocabulary, layers, width, heads, dropout } = arch;
  if (inputs.rank !== 2) {
    const shape = inputs.shape.slice(1);
    throw new TransformerShape(
      `Cannot build a transformer on inputs of shape [${shape}]: it takes lists of token ids, [length]`,
      { fields: { inputShape: shape } },
    );
  }
  if (width % heads !== 0) {
    throw new TransformerShape(
      `Cannot build a transformer with a width of ${width} (width) and ${heads} heads (heads): the width must be a multiple of the heads`,
      { fields: { width, heads } },
    );
  }
  const mask = new TokenMask({ name: "mask" }).apply(inputs) as tf.SymbolicTensor; // [batch, length]
  const bias = new AttentionBias({ name: "attention_bias" }).apply(mask) as tf.SymbolicTensor;
  const through = (x: tf.SymbolicTensor, ...stack: tf.layers.Layer[]): tf.SymbolicTensor =>
    stack.reduce((y, layer) => layer.apply(y) as tf.SymbolicTensor, x);
  const dropped = (name: string): tf.layers.Layer[] =>
    dropout > 0 ? [new SeededDropout({ name, rate: dropout })] : [];
  const added = (name: string, x: tf.SymbolicTensor, y: tf.SymbolicTensor): tf.SymbolicTensor =>
    tf.layers.add({ name }).apply([x, y]) as tf.SymbolicTensor;

  let x = through(
    inputs,
    new TokenEmbedding({ name: "embedding", vocabulary, width }),
    ...dropped("dropout_0"),
  ); // [batch, length, width]
  for (let i = 1; i <= layers; i++) {
    const joined = through(
      x,
      new LayerNorm({ name: `attention_norm_${i}` }),
      new Projection({ name: `attention_in_${i}`, units: 3 * width }),
    );
    const context = new SelfAttention({ name: `attention_${i}`, heads }).apply([joined, bias]);
    const attended = through(
      context as tf.SymbolicTensor,
      new Projection({ name: `attention_out_${i}`, units: width }),
      ...dropped(`attention_dropout_${i}`),
    );
    x = added(`attention_sum_${i}`, x, attended);
    const fed = through(
      x,
      new LayerNorm({ name: `ff_norm_${i}` }),
      new Projection({ name: `ff_in_${i}`, units: arch.ff ?? 4 * width }),
      new Gelu({ name: `ff_gelu_${i}` }),
      new Projection({ name: `ff_out_${i}`, units: width }),
      ...dropped(`ff_dropout_${i}`),
    );
    x = added(`ff_sum_${i}`, x, fed);
  }
  x = through(x, new LayerNorm({ name: "norm" }));
  const pooled = new TokenMean({ name: "pool" }).apply([x, mask]) as tf.SymbolicTensor; // [batch, width]
  return through(
    pooled,
    tf.layers.dense({ name: "logits", units: classes, kernelInitializer: "zeros" }), // [batch, classes]
  );
}
