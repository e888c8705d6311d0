import type { Objective } from "../../shared/compute/objective.ts";
import { type ObjectivePart, sumOfObjectives } from "../../shared/compute/sumOfObjectives.ts";
import type { SelfTermSpec } from "../../shared/config/selfTermSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { isConvolutional } from "../../shared/distill/exits.ts";
import { weightAt, weightChanges } from "../../shared/distill/termSchedule.ts";
import { plainTermsOf, selfTermsOf } from "../../shared/distill/termsOf.ts";
import { StillhouseError } from "../../shared/errors.ts";
import type { PeerUse } from "../../shared/evaluate/reportSchema.ts";
import type { Seed } from "../../shared/model/seed.ts";
import type { PeerHooks, StudentTraining } from "../compute.ts";
import { earlyExitsObjective } from "./earlyExitsObjective.ts";
import { meanTeacherObjective } from "./meanTeacherObjective.ts";
import { peersObjective } from "./peersObjective.ts";
import { psKdObjective } from "./psKdObjective.ts";

export interface SelfDistilling {
  readonly objective: Objective;
  /** How the peers were heard so far; absent where the spec has none. */
  peerUse?(): PeerUse;
}

/**
 * All that a student minimises: what it learns from labels and teachers, and beside it the terms by which it learns from
 * itself or its peers. Where there are none of these, it is `plain()` itself.
 * @param plain makes the objective of all other terms, if there are any
 */
export function selfObjective(
  training: Pick<StudentTraining, "distill" | "student" | "job" | "seeds">,
  dataset: Dataset,
  stepsPerEpoch: number,
  seed: Seed,
  plain: () => Objective,
  hooks: PeerHooks,
): SelfDistilling {
  const terms = selfTermsOf(training.distill);
  if (terms.length === 0) return { objective: plain() };
  let peerUse: (() => PeerUse) | undefined;
  const made = (term: SelfTermSpec): Objective => {
    const { model, train } = training.student;
    switch (term.kind) {
      case "ps-kd":
        return psKdObjective(term, dataset, { epochs: train.epochs, stepsPerEpoch });
      case "mean-teacher":
        return meanTeacherObjective(term, dataset);
      case "early-exits":
        if (isConvolutional(model)) return earlyExitsObjective(term, model, dataset, seed);
        throw new StillhouseError(
          `Cannot give a student of student.model.arch "${model.arch}" early exits: expected cnn or separable`,
        );
      case "peers": {
        const others = training.seeds.filter((one) => one !== training.job.seed);
        const { objective, use } = peersObjective(term, dataset, others, train.epochs * stepsPerEpoch, hooks);
        peerUse = use;
        return objective;
      }
    }
  };
  const parts: ObjectivePart[] = [
    ...(plainTermsOf(training.distill).length > 0 ? [{ name: "plain", objective: plain(), weight: 1 }] : []),
    ...terms.map((term) => ({
      name: term.kind,
      objective: made(term),
      weight: term.weight,
      ...(weightChanges(term) ? { weightAt: (step: number) => weightAt(term, step, stepsPerEpoch) } : {}),
    })),
  ];
  return { objective: sumOfObjectives(parts), ...(peerUse ? { peerUse } : {}) };
}
