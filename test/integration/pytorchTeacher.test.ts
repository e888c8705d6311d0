import { describe, vi } from "vitest";
import { findPython } from "../helpers/python.ts";
import { pytorchTests } from "./pytorchSuite.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

// Where there is no such Python, `npm run test:long` installs one with pip.
const found = await findPython();
describe.skipIf("why" in found)(
  `a teacher node in Python${"why" in found ? ` (skipped: ${found.why}; npm run test:long installs what it needs)` : ""}`,
  () => pytorchTests(() => found),
);
