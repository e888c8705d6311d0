import type { ReadableLabels } from "../../student-node/teacherLogits.ts";

/** Of labels that can all be read at any time. */
export const allAtOnce: ReadableLabels["inBlocks"] = async (_, samples, use) => use([...samples.keys()]);
