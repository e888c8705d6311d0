import { StillhouseError } from "../errors.ts";

/** A training that was told to end: it goes on, elsewhere or later, from the checkpoint that it stored. */
export class TrainingInterrupted extends StillhouseError {}

/** Whether this is what ended a training, in this thread or in another, from which names alone come back. */
export function isInterrupted(error: unknown): boolean {
  return error instanceof StillhouseError && error.name === TrainingInterrupted.name;
}
