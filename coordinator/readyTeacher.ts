import { encodingOf } from "../shared/config/encodingOf.ts";
import type { RunSpec } from "../shared/config/spec.ts";
import { contentHash } from "../shared/determinism/hash.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";
import { labellingHash } from "../shared/protocol/identifiers.ts";
import type { RunTeacher, TeacherModel } from "../shared/protocol/run.ts";
import type { StoredEncoding } from "../shared/protocol/storedEncoding.ts";

/** What the labels of a teacher are, whoever it is: how they are stored, in which chunks, and what they hold beside logits. */
export interface CarriedLabels {
  readonly encoding: StoredEncoding;
  readonly chunkSize: number;
  readonly features: readonly FeatureLayout[];
}

/** @param place of the teacher in the spec */
export function carriedLabels(
  spec: Pick<RunSpec, "labels" | "teachers" | "distill">,
  place: number,
  features: readonly FeatureLayout[],
): CarriedLabels {
  return { encoding: encodingOf(spec, place).stored, chunkSize: spec.labels.chunkSize, features };
}

/**
 * A teacher whose model is in the store: its identity, and the labelling under which its labels lie.
 */
export function readyTeacher(
  teacher: RunTeacher,
  { encoding, chunkSize, features }: CarriedLabels,
  found: { model: TeacherModel; parameters: number; bytes: number },
): RunTeacher {
  // Inner tensors that a spec names add to what a teacher tells, and change none of its labels.
  const { features: _features, ...mapping } = found.model.mapping;
  const identity = contentHash({ ...found.model, mapping });
  const labelling = labellingHash({ identity, encoding, chunkSize, features });
  const { output } = found.model.mapping;
  return { ...teacher, ready: { identity, labelling, encoding, output, features: [...features], ...found } };
}
