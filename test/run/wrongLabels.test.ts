import { describe, expect, it } from "vitest";
import { WrongLabels } from "../../shared/labels/checkedLabels.ts";
import { ada, bea, startedFeed } from "../helpers/startedFeed.ts";

describe("labels that cannot be used, of a teacher that the decision of their chunk leaves out", () => {
  it.each(["before", "after"])("end no run when they are read %s it", async (when) => {
    const { feed, label, decide } = await startedFeed("r1");
    for (const chunk of [0, 1]) await label(ada, chunk);
    if (when === "before") await label(bea, 0, true);
    await decide(0, [0]);
    if (when === "after") await label(bea, 0, true);
    await label(bea, 1);
    await decide(1, [0, 1]);
    await feed.upTo(2);
    expect(feed.messagesRead).toBe(3);
  });
});

describe("labels that cannot be used, of a teacher that the decision of their chunk names", () => {
  it.each(["before", "after"])("end the run when they are read %s it", async (when) => {
    const { feed, label, decide } = await startedFeed("r1");
    await label(ada, 0);
    if (when === "before") await label(bea, 0, true);
    await decide(0, [0, 1]);
    if (when === "after") await label(bea, 0, true);
    await expect(feed.upTo(1)).rejects.toThrow(WrongLabels);
  });
});

it("labels that cannot be used end a run without a quorum as soon as they are read", async () => {
  const { feed, label } = await startedFeed();
  await label(bea, 1, true);
  await expect(feed.upTo(1)).rejects.toThrow(WrongLabels);
});
