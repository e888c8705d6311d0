import { termsOf } from "../distill/termsOf.ts";
import type { Problem } from "./problems.ts";
import type { RunSpec } from "./spec.ts";

/** Rules for teachers that know a part of the classes. */
const rulesOfParts = ["own-classes", "bridge"];

/** What does not fit teachers that know a part of the classes. */
export function ownClassesProblems({ teachers, ensemble, distill, data }: RunSpec): Problem[] {
  const { rule, quorum } = ensemble;
  const parts = teachers.flatMap((teacher, place) =>
    "classes" in teacher && teacher.classes ? [{ name: teacher.name, place, classes: teacher.classes }] : [],
  );
  const problems: Problem[] = [];
  const add = (path: Problem["path"], message: string): void => {
    problems.push({ path, message });
  };
  if (rule === "bridge" && quorum !== "all") {
    add(
      ["ensemble", "rule"],
      `"bridge", which joins all teachers, and ensemble.quorum goes on without some; expected "own-classes", or ensemble.quorum: all`,
    );
  }
  const count = "classes" in data ? data.classes : undefined;
  for (const { place, classes } of parts) {
    classes.forEach((one, i) => {
      const path = ["teachers", place, "classes", i];
      if (classes.indexOf(one) < i) add(path, `${one} again; expected each class once`);
      if (count !== undefined && one >= count) {
        add(path, `${one}, and data.classes is ${count}; expected classes from 0 to ${count - 1}`);
      }
    });
  }
  const [first] = parts;
  if (first && !rulesOfParts.includes(rule)) {
    add(
      ["ensemble", "rule"],
      `"${rule}", and teacher "${first.name}" knows classes [${first.classes.join(", ")}] alone; expected "own-classes" or "bridge"`,
    );
  }
  termsOf(distill).forEach((term, i) => {
    const path = distill.terms ? ["distill", "terms", i, "kind"] : ["distill", "loss", "kind"];
    const own = parts.find(({ name }) => "teacher" in term && term.teacher === name);
    if ("feature" in term) {
      const whose = own ?? (term.teacher === undefined ? first : undefined);
      if (term.feature === "logits" && whose) {
        add(
          path,
          `"${term.kind}" of logits, and teacher "${whose.name}" knows a part of the classes; expected another feature`,
        );
      }
      return;
    }
    if (own && term.kind !== "kl") {
      add(path, `"${term.kind}", and its teacher "${own.name}" knows a part of the classes; expected "kl"`);
    }
  });
  return problems;
}
