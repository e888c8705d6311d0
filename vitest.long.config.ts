import { defineConfig } from "vitest/config";

/** Tests of minutes each, which nobody waits for at every change. */
export default defineConfig({
  test: {
    include: ["test/long/**/*.test.ts"],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: "forks",
    maxWorkers: 1,
  },
});
