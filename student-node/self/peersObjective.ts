import * as tf from "@tensorflow/tfjs";
import type { Objective, TargetType } from "../../shared/compute/objective.ts";
import type { SelfTermSpec } from "../../shared/config/selfTermSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { forwardKl } from "../../shared/distill/losses/forwardKl.ts";
import { StillhouseError } from "../../shared/errors.ts";
import type { PeerUse } from "../../shared/evaluate/reportSchema.ts";
import type { NamedWeight } from "../../shared/model/weights.ts";
import type { PeerHooks } from "../compute.ts";
import { packWeights, unpackWeights } from "./packedWeights.ts";
import { publishesAt, weightsStepAt } from "./peerSchedule.ts";

type Peers = Extract<SelfTermSpec, { kind: "peers" }>;

/**
 * Learning from what the run's other students say of each batch, with weights that they had a while ago: from step k E
 * on, those of exactly step (k - 1) E, for which it waits. So the result is a function of the spec alone, and the weights
 * are from E to 2 E - 1 steps old. Before step 2 E nobody is heard, as weights of step 0 have learnt nothing. Peers
 * answer in inference mode, and no gradient flows into them.
 * @param seeds of the peers
 */
export function peersObjective(
  { temperature: T, exchangeSteps }: Peers,
  dataset: Pick<Dataset, "classes">,
  seeds: readonly number[],
  totalSteps: number,
  hooks: PeerHooks,
): { objective: Objective; use(): PeerUse } {
  let inUse: { step: number; peers: NamedWeight[][] } | undefined;
  let said: Float32Array[] | undefined;
  /** Steps in which peers were heard, and the ages of their weights in them. */
  let heard = { steps: 0, ages: 0, oldest: 0 };
  const name = (place: number): string => `peer-${place}`;
  const objective: Objective = {
    targets: {
      ...Object.fromEntries(
        seeds.map((_, place): [string, TargetType] => [
          name(place),
          { dtype: "float32", shape: [dataset.classes] },
        ]),
      ),
      heard: { dtype: "float32", shape: [], per: "batch" },
    },
    memory: {
      async before(step, { ids }, student) {
        const of = weightsStepAt(step, exchangeSteps);
        if (of === undefined) {
          said = undefined;
          return;
        }
        if (inUse?.step !== of) {
          const taken = await Promise.all(seeds.map((seed) => hooks.peerWeights(seed, of, step)));
          inUse = { step: of, peers: taken.map(unpackWeights) };
        }
        said = [];
        for (const weights of inUse.peers) said.push(await student.predictWith(weights, ids));
        heard = {
          steps: heard.steps + 1,
          ages: heard.ages + step - of,
          oldest: Math.max(heard.oldest, step - of),
        };
      },
      async after(step, _, __, student) {
        const done = step + 1;
        if (!publishesAt(done, exchangeSteps, totalSteps)) return;
        await hooks.publishWeights(done, packWeights(student.current()));
      },
      snapshot: () => heard,
      restore(snapshot) {
        const { steps, ages, oldest } = (snapshot ?? {}) as Partial<typeof heard>;
        if (steps === undefined || ages === undefined || oldest === undefined) {
          throw new StillhouseError(
            "Cannot go on with peers: the checkpoint does not say how they were heard",
          );
        }
        heard = { steps, ages, oldest };
      },
    },
    gather: (ids) => ({
      ...Object.fromEntries(
        seeds.map((_, place) => [
          name(place),
          said?.[place] ?? new Float32Array(ids.length * dataset.classes),
        ]),
      ),
      heard: Float32Array.of(said ? 1 : 0),
    }),
    loss: (logits, targets) =>
      seeds
        .map((_, place) => {
          const peer = targets[name(place)] as tf.Tensor2D;
          return forwardKl(logits, tf.logSoftmax(peer.div<tf.Tensor2D>(T)), T);
        })
        .reduce((sum, value) => sum.add<tf.Scalar>(value))
        .div<tf.Scalar>(seeds.length)
        .mul<tf.Scalar>(targets.heard as tf.Scalar),
  };
  const use = (): PeerUse => {
    const { steps, ages, oldest } = heard;
    return { steps, meanAge: steps > 0 ? ages / steps : 0, maxAge: oldest };
  };
  return { objective, use };
}
