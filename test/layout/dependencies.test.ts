import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** The CommonJS packages, as TensorFlow.js is, that a module of ours loads in a process of its own. */
function packagesLoadedBy(module: string): string[] {
  const script = `
    import { createRequire } from "node:module";
    await import(${JSON.stringify(new URL(`../../${module}`, import.meta.url).href)});
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    process.stdout.write(JSON.stringify(loaded));
  `;
  const tsx = import.meta.resolve("tsx");
  const args = ["--import", tsx, "--input-type=module", "--eval", script];
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const files = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", cwd: root })) as string[];
  return [
    ...new Set(
      files.flatMap((file) => /node_modules[\\/](@[^\\/]+[\\/][^\\/]+|[^\\/]+)/.exec(file)?.[1] ?? []),
    ),
  ];
}

function tensorFlowOf(packages: readonly string[]): string[] {
  return packages.filter((name) => name.startsWith("@tensorflow"));
}

describe("what a role loads", () => {
  it("is no TensorFlow in the coordinator", () => {
    expect(tensorFlowOf(packagesLoadedBy("coordinator/main.ts"))).toEqual([]);
  });

  it("is TensorFlow in the engine of a teacher node, which shows that the list would hold it", () => {
    expect(tensorFlowOf(packagesLoadedBy("teacher-node/engine.ts"))).not.toEqual([]);
  });
});
