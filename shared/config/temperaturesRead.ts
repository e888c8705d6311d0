import { ascending, targetTemperature } from "../distill/targetTemperatures.ts";
import { termsOfAll } from "../distill/termsOf.ts";
import { type EncodingSpecs, encodingOf } from "./encodingOf.ts";

/** A temperature at which a run reads a teacher's labels, and whether they hold what is needed for it. */
export interface TemperatureRead {
  readonly temperature: number;
  readonly declared: boolean;
}

/**
 * Where a run reads a teacher's labels: at 1, at which teachers are judged, and where the terms that listen to it read, as
 * divided by the teacher's own temperature. Of a term that cools, the first, the middle and the last.
 * @param own what its logits are divided by before they are combined
 */
export function temperaturesRead(spec: EncodingSpecs, teacher: number, own: number): TemperatureRead[] {
  const name = spec.teachers[teacher]?.name;
  const read = termsOfAll(spec).flatMap((term) => {
    if ("teacher" in term && term.teacher !== undefined && term.teacher !== name) return [];
    const found = targetTemperature(term);
    if (!found) return [];
    const { at, cooledTo = at } = found;
    return [at, (at + cooledTo) / 2, cooledTo].map((T) => own * T);
  });
  const { stored } = encodingOf(spec, teacher);
  const held = typeof stored !== "string" && stored.kind === "top-k" ? stored.temperatures : undefined;
  return ascending([1, ...read]).map((temperature) => ({
    temperature,
    declared: held?.includes(temperature) ?? true,
  }));
}
