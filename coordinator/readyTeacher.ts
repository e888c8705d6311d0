import { contentHash } from "../shared/determinism/hash.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";
import { labellingHash } from "../shared/protocol/identifiers.ts";
import type { RunRecord, RunTeacher, TeacherModel } from "../shared/protocol/run.ts";

/**
 * A teacher whose model is in the store: its identity, and the labelling under which its labels lie.
 * @param features that its labels carry
 */
export function readyTeacher(
  teacher: RunTeacher,
  { encoding, chunkSize }: RunRecord["spec"]["labels"],
  features: readonly FeatureLayout[],
  found: { model: TeacherModel; parameters: number; bytes: number },
): RunTeacher {
  // Inner tensors that a spec names add to what a teacher tells, and change none of its labels.
  const { features: _features, ...mapping } = found.model.mapping;
  const identity = contentHash({ ...found.model, mapping });
  const labelling = labellingHash({ identity, encoding, chunkSize, features });
  const { output } = found.model.mapping;
  return { ...teacher, ready: { identity, labelling, output, features: [...features], ...found } };
}
