import { termNeeds } from "../distill/termNeeds.ts";
import { termsOf } from "../distill/termsOf.ts";
import type { Problem } from "./problems.ts";
import type { Path } from "./schemaNode.ts";
import type { RunSpec } from "./spec.ts";
import type { ViewKind, ViewsSpec } from "./viewsSpec.ts";

/** Steps that take images or spectrograms, and no lists of numbers. */
const ofGrids: readonly ViewKind[] = ["shift", "flip", "crop", "cutout", "spec-augment"];

/** What does not fit changed samples; what depends on the shape of the data, `requireViewable` finds. */
export function viewsProblems(spec: RunSpec): Problem[] {
  const { views, ensemble, teachers } = spec;
  if (views === undefined) return [];
  const problems = [...stepProblems(views, spec), ...mixupProblems(views, spec)];
  const refuse = (key: string, message: string) => problems.push({ path: ["views", key], message });
  if (views.count === 1) {
    refuse(
      "count",
      '1, which is the sample itself and nothing else; expected 2 or more, "fresh", or no views',
    );
  }
  if (views.count === "fresh" && ensemble.quorum !== "all") {
    refuse(
      "count",
      '"fresh", whose labels are each used in one epoch, and ensemble.quorum goes on without late ones, which would never be used; expected a number, or ensemble.quorum: all',
    );
  }
  if (views.window !== undefined && (views.count !== "fresh" || views.teacher === "plain")) {
    const seen = views.count === "fresh" ? 'views.teacher is "plain"' : `views.count is ${views.count}`;
    refuse(
      "window",
      `given, and ${seen}, whose labels stay; expected none, or fresh views that are labelled`,
    );
  }
  const imported = teachers.find((teacher) => "labels" in teacher);
  if (views.teacher === "same" && imported) {
    refuse(
      "teacher",
      `"same", and the labels of teacher "${imported.name}" are of the samples themselves; expected "plain"`,
    );
  }
  return problems;
}

/** Token ids, images and lists of numbers are changed by steps of their own. */
function stepProblems({ recipe }: ViewsSpec, { student, data }: RunSpec): Problem[] {
  const { arch } = student.model;
  return recipe.flatMap((step, i): Problem[] => {
    const { kind } = step;
    const refuse = (why: string): Problem[] => [
      { path: ["views", "recipe", i, "kind"], message: `"${kind}", and ${why}` },
    ];
    if (arch === "transformer" && kind !== "token-drop") {
      return refuse('student.model.arch "transformer" takes token ids; expected "token-drop"');
    }
    if (arch !== "transformer" && kind === "token-drop") {
      return refuse(`student.model.arch "${arch}" takes no token ids; expected another step`);
    }
    if ("format" in data && data.format === "synthetic" && ofGrids.includes(kind)) {
      return refuse('data.format "synthetic" gives lists of numbers; expected "noise", "gain" or "mixup"');
    }
    if (kind === "spec-augment" && step.bands * step.bandMasks + step.frames * step.frameMasks === 0) {
      return refuse("its masks are all of nothing; expected bands or frames, and masks of them, above 0");
    }
    return [];
  });
}

/** A mixture of two samples has no one label, and only its own answer of a teacher fits it. */
function mixupProblems({ recipe, teacher }: ViewsSpec, spec: RunSpec): Problem[] {
  const { data, distill, ensemble, teachers } = spec;
  const place = recipe.findIndex(({ kind }) => kind === "mixup");
  if (place < 0) return [];
  const mixture = `views.recipe[${place}] "mixup"`;
  const problems: Problem[] = [];
  const refuse = (path: Path, message: string) => problems.push({ path, message });

  const labelled = termsOf(distill).find(({ kind }) => termNeeds[kind].labels);
  if (labelled) {
    const own = distill.terms && ["distill", "terms", distill.terms.indexOf(labelled), "kind"];
    refuse(
      own ?? ["distill", "loss"],
      `"${labelled.kind}" learns from true labels, and ${mixture} mixes samples: a mixture has no one label; expected ${own ? "another term" : "a loss of teachers alone, as kd with alpha: 1"}, or no mixup`,
    );
  }
  if (teacher === "plain") {
    refuse(
      ["views", "teacher"],
      `"plain", and ${mixture} mixes samples: a mixture has no one label; expected "same", or no mixup`,
    );
  }
  if (ensemble.rule === "ca-mkd") {
    refuse(
      ["ensemble", "rule"],
      `"ca-mkd" weighs teachers by the true label, and ${mixture} mixes samples: a mixture has no one label; expected another rule, or no mixup`,
    );
  }
  if (ensemble.quorum !== "all") {
    refuse(
      ["ensemble", "quorum"],
      `given, by which students fall back to true labels, and ${mixture} mixes samples: a mixture has no one label; expected "all", or no mixup`,
    );
  }
  if (data.transfer) {
    refuse(
      ["data", "transfer"],
      `given, and ${mixture} takes partners from the whole training split, which students are not to see; expected none, or no mixup`,
    );
  }
  teachers.forEach((one, i) => {
    if (!("crossFit" in one) || one.crossFit === undefined) return;
    refuse(
      ["teachers", i, "crossFit"],
      `given, and ${mixture} takes partners from every fold, which a fold's teacher has seen; expected none, or no mixup`,
    );
  });
  return problems;
}
