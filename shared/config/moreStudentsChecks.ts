import { selfTermsOf } from "../distill/termsOf.ts";
import { pathText } from "./locate.ts";
import type { Problem } from "./problems.ts";
import { repeated } from "./repeated.ts";
import type { Path } from "./schemaNode.ts";
import type { MoreStudentSpec, RunSpec } from "./spec.ts";
import { specOf, studentsOf } from "./students.ts";

/**
 * What does not fit each other for the other students of a run: all that holds for its `student` holds for them.
 * @param found for its `student`
 * @param problemsOfOne of a spec with that student alone
 */
export function moreStudentsProblems(
  spec: RunSpec,
  found: readonly Problem[],
  problemsOfOne: (spec: RunSpec) => Problem[],
): Problem[] {
  const { moreStudents = [] } = spec;
  const known = new Set(found.map(textOf));
  const own = studentsOf(spec).slice(1);
  return [
    ...repeated(
      moreStudents.map(({ name }) => name),
      (i) => ["moreStudents", i, "name"],
    ),
    ...own.flatMap((student, i) => {
      const written = moreStudents[i] as MoreStudentSpec;
      const path: Path = ["moreStudents", i];
      return [
        ...peersProblems(path, student.distill, written),
        // What it takes over is told once, of the student that it takes it over from.
        ...problemsOfOne(specOf(spec, student))
          .filter((problem) => !known.has(textOf(problem)))
          .map((problem) => moved(problem, path, written)),
      ];
    }),
  ];
}

/** Who hears whom is told by seeds, of one architecture. */
function peersProblems(path: Path, distill: RunSpec["distill"], written: MoreStudentSpec): Problem[] {
  if (!selfTermsOf(distill).some(({ kind }) => kind === "peers")) return [];
  const [own, whose] = written.distill ? [[...path, "distill"], "has"] : [path, "takes over"];
  const message = `${whose} peers, who are the seeds of \`student\`; expected a distill without them, or a run of its own`;
  return [{ path: own, message }];
}

/** A problem of the spec of that student alone, at what it has written itself. */
function moved({ path, message }: Problem, to: Path, written: MoreStudentSpec): Problem {
  const [section, key, ...rest] = path;
  const text = textIn(message, to, written);
  if (section === "student" && typeof key === "string" && key in written) {
    return { path: [...to, key, ...rest], message: text };
  }
  if ((section === "distill" || section === "seeds") && written[section] !== undefined) {
    return { path: [...to, ...path], message: text };
  }
  return { path, message: text };
}

/** Messages name keys by their places. */
function textIn(message: string, to: Path, written: MoreStudentSpec): string {
  const place = pathText(to);
  return message
    .replace(/\bstudent\.(model|train|correctBias)\b/g, (whole, key: keyof MoreStudentSpec) =>
      written[key] === undefined ? whole : `${place}.${key}`,
    )
    .replace(/\bdistill\b(?=[.[])/g, (whole) =>
      written.distill === undefined ? whole : `${place}.${whole}`,
    );
}

function textOf({ path, message }: Problem): string {
  return `${pathText(path)} ${message}`;
}
