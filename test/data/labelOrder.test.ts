import { expect, it } from "vitest";
import { labelOrder } from "../../shared/data/labelOrder.ts";
import { openDataset } from "../../shared/data/open.ts";
import { labelledView, labelledViews } from "../../shared/data/views/viewSchedule.ts";
import { SMALL_CHUNKS, smallSpec } from "../helpers/smallRun.ts";

it("views are labelled one after the other, and after the first only chunks with training samples", async () => {
  const dataset = await openDataset(smallSpec().data, ".");
  const order = labelOrder(dataset, 32, 3);
  // 7 chunks hold training samples, and 2 the test samples.
  expect(order.map(({ view }) => view)).toEqual([
    ...new Array(SMALL_CHUNKS).fill(0),
    ...new Array(7).fill(1),
    ...new Array(7).fill(2),
  ]);
  expect(order.filter(({ view }) => view === 2).every(({ shard }) => shard === 0)).toBe(true);
});

it.each([
  ["in turn", { count: 3, teacher: "same" }, [0, 1, 2, 0, 1], 3],
  ["fresh", { count: "fresh", teacher: "same" }, [0, 1, 2, 3, 4], 5],
  ["of the sample itself", { count: "fresh", teacher: "plain" }, [0, 0, 0, 0, 0], 1],
] as const)("labels are %s", (_, of, epochs, labelled) => {
  const views = { ...of, seed: 0, recipe: [{ kind: "noise", deviation: 1 } as const] };
  const { student } = smallSpec();
  expect([0, 1, 2, 3, 4].map((epoch) => labelledView(views, epoch))).toEqual(epochs);
  expect(labelledViews({ views, student: { ...student, train: { ...student.train, epochs: 5 } } })).toBe(
    labelled,
  );
});
