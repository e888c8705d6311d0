import * as tf from "@tensorflow/tfjs";
import type { EnsembleSpec } from "../shared/config/ensembleSpec.ts";
import type { Task } from "../shared/config/tasks.ts";
import type { KnownClasses } from "../shared/distill/ensembles/known.ts";
import { ruleOf } from "../shared/distill/ensembles/ofTask.ts";
import { calibrated, type TeacherScales } from "./teacherScales.ts";

/**
 * What the ensemble says of samples by itself, at T = 1.
 * @param logits of each teacher, [samples, classes]
 * @param beside.present 1 where a teacher said something of a sample, else 0, [samples, teachers]; absent: all did of all
 * @param beside.known classes that each teacher knows; absent: all know all
 * @param rule one that looks at neither labels nor student nor a draw
 * @returns log-probabilities, log odds or numbers, as the task has them: [samples, classes]
 */
export function combineTeachers(
  task: Task,
  logits: readonly Float32Array[],
  rule: EnsembleSpec["rule"],
  { temperatures, weights }: TeacherScales,
  classes: number,
  beside: {
    readonly present?: Float32Array | undefined;
    readonly known?: readonly KnownClasses[] | undefined;
  } = {},
): Float32Array {
  let combined = new Float32Array();
  // The numbers leave through a variable: tidy() searches what is returned for tensors, element by element.
  tf.tidy(() => {
    const tensors = logits.map((values, k) =>
      tf.tensor2d(calibrated(values.slice(), temperatures[k] as number), [values.length / classes, classes]),
    );
    const [student] = tensors as [tf.Tensor2D];
    const labels = tf.fill([student.shape[0]], -1, "int32") as tf.Tensor1D;
    const present = beside.present && tf.tensor2d(beside.present, [student.shape[0], logits.length]);
    const said = { logits: tensors, weights, student, labels, present, known: beside.known };
    combined = new Float32Array(ruleOf(task, rule)(said, (of) => of).dataSync());
  });
  return combined;
}
