import type { ViewsSpec } from "../../config/viewsSpec.ts";
import { StillhouseError } from "../../errors.ts";
import type { ViewedData } from "./stepRule.ts";
import { ruleOf } from "./steps.ts";

/** Samples that cannot be changed as `views` asks. */
export class ViewRefused extends StillhouseError {}

/**
 * Refuses steps that samples of a dataset cannot take, before anything is labelled or trained.
 * @throws ViewRefused, which names the step, its value, the shape and what is expected
 */
export function requireViewable(
  { recipe }: Pick<ViewsSpec, "recipe">,
  { name, inputShape }: Pick<ViewedData, "name" | "inputShape">,
): void {
  recipe.forEach((step, place) => {
    const refused = ruleOf(step).refuse(step, inputShape);
    if (refused === undefined) return;
    const { key, expected } = refused;
    const value = key === undefined ? undefined : step[key as keyof typeof step];
    const asked = key === undefined ? "" : ` with ${key} ${value}`;
    throw new ViewRefused(
      `Cannot apply "${step.kind}"${asked} as views.recipe[${place}] asks: samples of "${name}" have the shape [${inputShape}]; expected ${expected}${key === undefined ? ", or another step" : ""}`,
      {
        fields: {
          step: place,
          kind: step.kind,
          ...(key === undefined ? {} : { [key]: value }),
          inputShape,
          expected,
        },
      },
    );
  });
}
