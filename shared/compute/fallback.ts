import { messageOf, StillhouseError } from "../errors.ts";
import { UnsupportedKernel } from "./compiled/record.ts";
import type { ComputeSettings } from "./computeSettings.ts";

/** The compiled backend cannot do a model, and the spec does not allow a slower one. */
export class FallbackRefused extends StillhouseError {}

/**
 * What compiling gives, or, where a kernel has no rule and the spec allows it, what goes without.
 * @param causes errors that mean so
 * @throws FallbackRefused which names the kernel
 */
export async function orFallBack<T, U>(
  { fallback }: Pick<ComputeSettings, "fallback">,
  compiled: () => Promise<T>,
  eager: () => U,
  causes: readonly (new (...given: never[]) => StillhouseError)[] = [UnsupportedKernel],
): Promise<T | U> {
  try {
    return await compiled();
  } catch (error) {
    if (!(error instanceof StillhouseError) || !causes.some((cause) => error instanceof cause)) throw error;
    if (fallback) return eager();
    throw new FallbackRefused(
      `${messageOf(error)}. TensorFlow.js alone takes 10 to 40 times as long; to allow it, set compute.fallback to true`,
      { fields: error.fields, cause: error },
    );
  }
}
