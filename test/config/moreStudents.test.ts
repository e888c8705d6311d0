import { describe, expect, it } from "vitest";
import { encodingOf } from "../../shared/config/encodingOf.ts";
import { parseSpec } from "../../shared/config/load.ts";
import { SpecError } from "../../shared/config/specError.ts";
import { planFeatures } from "../../shared/distill/features/planFeatures.ts";
import { baselineOf, jobName, jobsOf, studentJob } from "../../shared/protocol/jobs.ts";

const head = `
name: many
seeds: [1, 2]
data: { dataset: mnist }
teachers:
  - { name: wide, model: { arch: mlp, hidden: [32] }, train: { epochs: 1, batch: 64 }, features: { inside: dense_1 } }
student: { model: { arch: mlp, hidden: [8] }, train: { epochs: 2, batch: 64 } }
`;
const specOf = (more: string, rest = "") => parseSpec(`${head}${rest}moreStudents:\n${more}`, "spec.yaml");

function problemsOf(more: string, rest = ""): { path: string; line: number | undefined; message: string }[] {
  try {
    specOf(more, rest);
  } catch (error) {
    if (error instanceof SpecError) return error.problems.map((one) => ({ ...one, line: one.line }));
    throw error;
  }
  return [];
}

describe("the trainings of a run with several students", () => {
  it("are each student's over its seeds, and a student alone for each that differs by more than its loss", () => {
    const spec = specOf(`
  - { name: small, model: { arch: mlp, hidden: [4] } }
  - { name: cool, distill: { loss: { kind: kd, temperature: 1 } }, seeds: [2, 3] }
  - { name: small-cool, model: { arch: mlp, hidden: [4] }, distill: { loss: { kind: kd, temperature: 1 } } }
`);
    expect(jobsOf(spec).map(jobName)).toEqual([
      "student-1",
      "baseline-1",
      "student-2",
      "baseline-2",
      "student-small-1",
      "baseline-small-1",
      "student-small-2",
      "baseline-small-2",
      "student-cool-2",
      "student-cool-3",
      // The run's student has no seed 3.
      "baseline-cool-3",
      "student-small-cool-1",
      "student-small-cool-2",
    ]);
    expect(jobName(baselineOf(spec, studentJob("small-cool", 2)))).toBe("baseline-small-2");
    expect(jobsOf({ ...spec, baseline: false }).filter(({ kind }) => kind === "baseline")).toEqual([]);
  });

  it("read labels that hold what any of them needs", () => {
    const spec = specOf(
      `
  - { name: cool, distill: { loss: { kind: kd, temperature: 2 } } }
  - name: inside
    distill:
      terms:
        - { kind: kl, temperature: 8 }
        - { kind: fitnets, feature: inside, layer: dense_1 }
`,
      "labels: { encoding: { kind: top-k, k: 3 } }\n",
    );
    // 1, at which teachers are judged; 4 by default; and those of the two.
    expect(encodingOf(spec, 0).stored).toMatchObject({ temperatures: [1, 2, 4, 8] });
    const data = { inputShape: [784], classes: 10 };
    const own = planFeatures(spec, data);
    const inside = planFeatures(spec, data, "inside");
    expect(own.uses).toEqual([]);
    expect(inside.uses.map(({ term }) => term.kind)).toEqual(["fitnets"]);
    expect(own.layouts).toEqual(inside.layouts);
    expect(own.layouts[0]?.map(({ name }) => name)).toEqual(["inside"]);
  });
});

describe("moreStudents are refused", () => {
  it.each([
    [
      "with one name twice",
      "  - { name: a }\n  - { name: a }\n",
      "",
      {
        path: "moreStudents[1].name",
        line: 10,
        message: '"a" again, as in moreStudents[0].name; expected another',
      },
    ],
    [
      "with a model that the data does not fit, at the key of their own",
      "  - { name: a, model: { arch: transformer, vocabulary: 9, width: 8, heads: 2, layers: 1 } }\n",
      "views: { count: 2, recipe: [{ kind: noise, deviation: 1 }] }\n",
      {
        path: "views.recipe[0].kind",
        line: 8,
        message:
          '"noise", and moreStudents[0].model.arch "transformer" takes token ids; expected "token-drop"',
      },
    ],
    [
      "with seeds that repeat",
      "  - { name: a, seeds: [4, 4] }\n",
      "",
      {
        path: "moreStudents[0].seeds[1]",
        line: 9,
        message: "4 again, as in seeds[0]; expected another",
      },
    ],
    [
      "with peers, who are seeds of one student",
      "  - { name: a, distill: { loss: { kind: dml } } }\n",
      "nodes: { studentWorkers: 2 }\n",
      {
        path: "moreStudents[0].distill",
        line: 10,
        message:
          "has peers, who are the seeds of `student`; expected a distill without them, or a run of its own",
      },
    ],
    [
      "with a loss that the task does not know, at the key of their own",
      "  - { name: a, distill: { loss: { kind: value-mse } } }\n",
      "",
      {
        path: "moreStudents[0].distill.loss.kind",
        line: 9,
        message: expect.stringContaining('"value-mse" is not defined for data.task "classification"'),
      },
    ],
  ])("%s", (_, more, rest, problem) => {
    expect(problemsOf(more, rest)).toContainEqual(problem);
  });

  it("once only for what they take over from the run's student", () => {
    const rest = "views: { count: 1, recipe: [{ kind: noise, deviation: 1 }] }\n";
    const of = (more: string) => problemsOf(more, rest).map(({ path }) => path);
    expect(of("  - { name: a }\n  - { name: b, model: { arch: mlp, hidden: [3] } }\n")).toEqual([
      "views.count",
    ]);
  });
});
