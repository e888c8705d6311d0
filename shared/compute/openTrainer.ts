import { refuseUnseededLayers } from "../model/unseededLayers.ts";
import { CompiledTrainer } from "./compiled/compiledTrainer.ts";
import type { ComputeSettings } from "./computeSettings.ts";
import { EagerTrainer } from "./eagerTrainer.ts";
import { orFallBack } from "./fallback.ts";
import type { Trainer, TrainerOptions } from "./trainer.ts";

/**
 * The trainer of the backend in use.
 * @throws UnseededLayer, FallbackRefused
 */
export async function openTrainer(options: TrainerOptions, compute: ComputeSettings): Promise<Trainer> {
  refuseUnseededLayers(options.model);
  if (compute.backend !== "compiled") return new EagerTrainer(options);
  return orFallBack(
    compute,
    () => CompiledTrainer.open(options, compute),
    () => new EagerTrainer(options),
  );
}
