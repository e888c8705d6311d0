import { ascending, targetTemperatures } from "../distill/targetTemperatures.ts";
import { termsOfAll } from "../distill/termsOf.ts";
import { PLAIN_READING, type Reading } from "../labels/reading.ts";
import type { StoredEncoding } from "../protocol/storedEncoding.ts";
import type { EncodingSpec } from "./encodingSpec.ts";
import type { RunSpec } from "./spec.ts";

/** How a teacher's labels stand in the log, and how students take them, whatever the temperature. */
export interface TeacherEncoding extends Pick<Reading, "tail" | "undeclared"> {
  readonly stored: StoredEncoding;
}

/** What of a spec says how labels stand in the log. */
export type EncodingSpecs = Pick<RunSpec, "labels" | "teachers" | "distill" | "moreStudents">;

/**
 * The encoding of a teacher's labels in a run: its own, or that of all. Coordinator, teacher nodes and students compute it
 * alike from the spec; what is stored enters the labelling's hash, how it is read does not.
 * @param teacher its place in the spec; absent: labels that are of no teacher of the spec
 */
export function encodingOf(run: EncodingSpecs, teacher?: number): TeacherEncoding {
  const spec = writtenEncoding(run, teacher);
  const { tail, undeclared } = PLAIN_READING;
  if (typeof spec === "string") return { stored: spec, tail, undeclared };
  switch (spec.kind) {
    case "top-k": {
      const { k, packed, temperatures } = spec;
      const read = temperatures ? ascending([1, ...temperatures]) : targetTemperatures(termsOfAll(run));
      return {
        stored: { kind: "top-k", k, ...(packed && { packed }), temperatures: read },
        tail: spec.tail,
        undeclared: spec.undeclared,
      };
    }
    case "sampled": {
      const { draws, temperature } = spec;
      return { stored: { kind: "sampled", draws, temperature }, tail, undeclared };
    }
  }
}

/** Those of all teachers, in the order of the spec. */
export function encodingsOf(spec: EncodingSpecs): TeacherEncoding[] {
  return spec.teachers.map((_, k) => encodingOf(spec, k));
}

/** As the spec has it. */
export function writtenEncoding(
  { labels, teachers }: Pick<RunSpec, "labels" | "teachers">,
  teacher?: number,
): EncodingSpec {
  const own = teacher === undefined ? undefined : teachers[teacher]?.encoding;
  return own ?? labels.encoding;
}

/** Whether what is decoded depends on the temperature at which it is read. */
export function readsByTemperature({ stored }: Pick<TeacherEncoding, "stored">): boolean {
  return typeof stored !== "string";
}
