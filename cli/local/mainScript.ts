import { fileURLToPath } from "node:url";

/** The script that every process of Stillhouse on this machine runs: TypeScript in a clone, JavaScript in the package. */
export const mainScript = fileURLToPath(
  new URL(`../main.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url),
);
