import * as tf from "@tensorflow/tfjs";
import type { FeatureView } from "../features/featureView.ts";
import { comparable, mapOf, sameSize } from "../features/maps.ts";
import type { FeatureTerm } from "../features/wantedFeature.ts";
import { activity, attentionTransfer } from "./attentionTransfer.ts";
import { contrast, critic, embedding, normaliserOf } from "./crd.ts";
import { fitnets, project } from "./fitnets.ts";
import { nst } from "./nst.ts";
import { centredGram, gramOf } from "./pairs.ts";
import { rkdAngle, rkdDistance } from "./rkd.ts";
import { similarityPreserving } from "./similarityPreserving.ts";
import { vid } from "./vid.ts";

type Of<K extends FeatureTerm["kind"]> = Extract<FeatureTerm, { kind: K }>;

/** Every term that looks inside teachers and student: its value for a batch, without its weight. */
export const featureTermLosses: {
  readonly [K in FeatureTerm["kind"]]: (view: FeatureView, term: Of<K>) => tf.Scalar;
} = {
  fitnets: (view) => fitnets(...regressed(view)),
  vid: (view) => vid(...regressed(view), view.learnt("scale") as tf.Tensor1D),
  "attention-transfer"({ student, teacher }, { variant }) {
    const ours = mapOf(student) as tf.Tensor4D;
    if (teacher.form === "attention") {
      // Roots of mean squares are a map of one channel with the same activity.
      const [small, theirs] = sameSize(ours, teacher.tensor.expandDims(3) as tf.Tensor4D);
      return attentionTransfer(activity(small), activity(theirs), variant);
    }
    const [small, theirs] = sameSize(ours, mapOf(teacher.tensor) as tf.Tensor4D);
    return attentionTransfer(activity(small), activity(theirs), variant);
  },
  nst: ({ student, teacher }) =>
    nst(...sameSize(mapOf(student) as tf.Tensor4D, mapOf(teacher.tensor) as tf.Tensor4D)),
  rkd({ student, teacher }, { distance, angle }) {
    const ours = centredGram(student);
    const theirs = teacher.form === "gram" ? (teacher.tensor as tf.Tensor2D) : centredGram(teacher.tensor);
    const parts = [
      ...(distance > 0 ? [rkdDistance(ours, theirs, teacher.known).mul<tf.Scalar>(distance)] : []),
      ...(angle > 0 ? [rkdAngle(ours, theirs, teacher.known).mul<tf.Scalar>(angle)] : []),
    ];
    return parts.reduce((sum, part) => sum.add(part), tf.scalar(0));
  },
  "similarity-preserving"({ student, teacher }) {
    const theirs = teacher.form === "gram" ? (teacher.tensor as tf.Tensor2D) : gramOf(teacher.tensor);
    return similarityPreserving(gramOf(student), theirs, teacher.known);
  },
  crd(view, { temperature, dimension }) {
    const side = (name: "student" | "teacher", features: tf.Tensor): tf.Tensor2D => {
      const kernel = view.learnt(`${name}-kernel`) as tf.Tensor2D;
      const made = embedding(features, kernel, view.learnt(`${name}-bias`) as tf.Tensor1D);
      view.remember(name, made);
      return made;
    };
    const { samples } = view;
    const normaliser = normaliserOf(samples, dimension, temperature);
    const against = (anchors: tf.Tensor2D, other: "student" | "teacher"): tf.Scalar => {
      const own = view.remembered(`own-${other}`) as tf.Tensor2D;
      const others = view.remembered(`other-${other}`) as tf.Tensor2D | tf.Tensor3D;
      return contrast(critic(anchors, own, others, temperature, normaliser), samples);
    };
    return against(side("student", view.student), "teacher").add(
      against(side("teacher", view.teacher.tensor), "student"),
    );
  },
};

/** What the learnt regressor makes of the student's features, and the teacher's. */
function regressed(view: FeatureView): [tf.Tensor, tf.Tensor] {
  const [ours, theirs] = comparable(view.student, view.teacher.tensor);
  return [project(ours, view.learnt("kernel") as tf.Tensor2D, view.learnt("bias") as tf.Tensor1D), theirs];
}

/** The value of one such term, whatever its kind. */
export function featureTermLoss(view: FeatureView, term: FeatureTerm): tf.Scalar {
  const loss = featureTermLosses[term.kind] as (view: FeatureView, term: FeatureTerm) => tf.Scalar;
  return loss(view, term);
}
