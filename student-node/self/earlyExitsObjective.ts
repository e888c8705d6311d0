import type * as tf from "@tensorflow/tfjs";
import { learntList, learntMatrix } from "../../shared/compute/learntWeight.ts";
import type { LearntWeight, Objective } from "../../shared/compute/objective.ts";
import type { SelfTermSpec } from "../../shared/config/selfTermSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherLabels } from "../../shared/data/gather.ts";
import { type ConvolutionalArch, exitsOf, usualHint } from "../../shared/distill/exits.ts";
import { byotExit } from "../../shared/distill/losses/byot.ts";
import { stopGradient } from "../../shared/distill/losses/stopGradient.ts";
import type { Seed } from "../../shared/model/seed.ts";

type EarlyExits = Extract<SelfTermSpec, { kind: "early-exits" }>;

/**
 * Classifiers after inner blocks of a convolutional student, which learn from the labels and from the deepest: the sum
 * of their losses. A head is the mean over the image, a learnt 1x1 convolution with ReLU to the width of the deepest
 * features (after the mean it is a product), and a dense layer. Heads are learnt beside the student and go with the
 * training.
 * @param seed of the heads' first weights
 */
export function earlyExitsObjective(
  { exits, alpha, hint }: EarlyExits,
  arch: ConvolutionalArch,
  dataset: Dataset,
  seed: Seed,
): Objective {
  const { inner, deepest } = exitsOf(arch, dataset.inputShape, exits);
  const features = hint ?? usualHint(arch);
  const matrix = (name: string, from: number, to: number): LearntWeight =>
    learntMatrix(name, from, to, [...seed, "exits", name]);
  const weights = { truth: 1 - alpha, logits: alpha, features };
  return {
    targets: { labels: { dtype: "int32", shape: [] } },
    taps: [...inner.map(({ layer }) => layer), deepest.layer],
    learnt: inner.flatMap(({ layer, width }): LearntWeight[] => [
      matrix(`${layer}-projection`, width, deepest.width),
      learntList(`${layer}-shift`, deepest.width),
      matrix(`${layer}-classifier`, deepest.width, dataset.classes),
      learntList(`${layer}-bias`, dataset.classes),
    ]),
    gather: (ids) => ({ labels: gatherLabels(dataset, ids) }),
    loss(logits, { labels }, { features, learnt }) {
      const end = {
        logits: stopGradient(logits),
        features: stopGradient(features[deepest.layer] as tf.Tensor2D),
      };
      return inner
        .map(({ layer }) => {
          const of = <T extends tf.Tensor>(role: string): T => learnt[`${layer}-${role}`] as T;
          const pooled = (features[layer] as tf.Tensor4D).mean<tf.Tensor2D>([1, 2]); // [batch, channels]
          const shown = pooled
            .matMul<tf.Tensor2D>(of<tf.Tensor2D>("projection"))
            .add(of("shift"))
            .relu<tf.Tensor2D>(); // [batch, width]
          const own = shown.matMul<tf.Tensor2D>(of<tf.Tensor2D>("classifier")).add<tf.Tensor2D>(of("bias"));
          return byotExit({ logits: own, features: shown }, end, labels as tf.Tensor1D, weights);
        })
        .reduce((sum, loss) => sum.add<tf.Scalar>(loss));
    },
  };
}
