import { beforeAll, describe, vi } from "vitest";
import { type FoundPython, installPython } from "../helpers/python.ts";
import { pytorchTests } from "../integration/pytorchSuite.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 1_500_000 });

describe("a teacher node in Python, installed with pip", () => {
  let found: FoundPython;
  beforeAll(async () => {
    found = await installPython();
  });
  pytorchTests(() => found);
});
