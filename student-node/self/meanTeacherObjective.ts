import * as tf from "@tensorflow/tfjs";
import type { Objective, ObjectiveMemory } from "../../shared/compute/objective.ts";
import type { SelfTermSpec } from "../../shared/config/selfTermSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { forwardKl } from "../../shared/distill/losses/forwardKl.ts";
import { meanOverRows } from "../../shared/distill/losses/means.ts";
import { probabilityMseRows } from "../../shared/distill/losses/probabilityMse.ts";
import { emaDecay, moveAverage } from "../../shared/distill/meanTeacher.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { copyWeights, type NamedWeight } from "../../shared/model/weights.ts";

type MeanTeacher = Extract<SelfTermSpec, { kind: "mean-teacher" }>;

/**
 * Consistency with an average of the student's own weights, moving averages of batch normalisation included, over all
 * samples of a batch. The average answers in inference mode, without dropout, before each step.
 */
export function meanTeacherObjective(
  { distance, temperature, emaDecay: decay, final }: MeanTeacher,
  dataset: Pick<Dataset, "classes">,
): Objective {
  let average: NamedWeight[] | undefined;
  let said: Float32Array | undefined;
  const begun = (): NamedWeight[] => {
    if (average) return average;
    throw new RangeError("Cannot look at the average of a training that has made no step");
  };
  const memory: ObjectiveMemory = {
    async before(_, { ids }, student) {
      average ??= copyWeights(student.current());
      said = await student.predictWith(average, ids);
    },
    after(step, _, __, student) {
      const share = emaDecay(step, decay);
      const moved = begun();
      student.current().forEach(({ data }, i) => {
        moveAverage((moved[i] as NamedWeight).data, data, share);
      });
    },
    snapshot: () => copyWeights(begun()),
    restore(snapshot) {
      if (!Array.isArray(snapshot)) {
        throw new StillhouseError(
          "Cannot go on with a mean teacher: the checkpoint holds no average of weights",
        );
      }
      average = copyWeights(snapshot as NamedWeight[]);
    },
  };
  return {
    targets: { average: { dtype: "float32", shape: [dataset.classes] } },
    memory: final === "average" ? { ...memory, final: begun } : memory,
    gather() {
      if (!said)
        throw new RangeError("Cannot gather what the average said: it was not asked before the step");
      return { average: said };
    },
    loss(logits, { average: teacher }) {
      const at = (T: number): tf.Tensor2D => tf.logSoftmax((teacher as tf.Tensor2D).div<tf.Tensor2D>(T));
      return distance === "kl"
        ? forwardKl(logits, at(temperature), temperature)
        : meanOverRows(probabilityMseRows(logits, at(1)));
    },
  };
}
