import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findNpm } from "../bootstrap/npm.mjs";
import { NativeInstallFailed, runTool } from "./tool.ts";

/** The npm package whose binding is built, in the version of the TensorFlow.js that Stillhouse uses. */
export const TFJS_NODE = "4.22.0";
const NODE_API_HEADERS = "1.9.0";

/** Packages of TensorFlow.js that the one with the binding asks for; it names only the first of them. */
const STAND_INS = ["tfjs", "tfjs-core"];

const STAND_IN = `const tensorflow = globalThis[Symbol.for("stillhouse.tensorflow")];
if (tensorflow === undefined) throw new Error("This build is loaded by Stillhouse, which shares its TensorFlow.js with it.");
module.exports = tensorflow;
`;

/**
 * Lets npm put @tensorflow/tfjs-node and the headers of Node-API into a folder, and runs no script of any package. A
 * stand-in takes the place of TensorFlow.js itself: it hands on the one of the process, so that both are one engine.
 * @throws NativeInstallFailed
 */
export async function installPackages(folder: string, signal: AbortSignal): Promise<void> {
  const npm = findNpm(process.env);
  if (npm === null) {
    throw new NativeInstallFailed(
      `Cannot fetch @tensorflow/tfjs-node: npm was found neither beside ${process.execPath} nor on PATH; install it`,
    );
  }
  const standIns: Record<string, string> = {};
  for (const name of STAND_INS) {
    const place = join(folder, "stand-ins", name);
    await mkdir(place, { recursive: true });
    await writeJson(join(place, "package.json"), { name: `@tensorflow/${name}`, version: TFJS_NODE });
    await writeFile(join(place, "index.js"), STAND_IN);
    standIns[`@tensorflow/${name}`] = `file:./stand-ins/${name}`;
  }
  await writeJson(join(folder, "package.json"), {
    private: true,
    dependencies: {
      ...standIns,
      "@tensorflow/tfjs-node": TFJS_NODE,
      "node-api-headers": NODE_API_HEADERS,
    },
    overrides: { "@tensorflow/tfjs": "$@tensorflow/tfjs" },
  });
  await runTool(
    `install @tensorflow/tfjs-node ${TFJS_NODE} by npm`,
    npm.command,
    [
      ...[...npm.args, "install", "--prefix", folder, "--ignore-scripts", "--install-links"],
      ...["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"],
    ],
    { cwd: folder, signal },
  );
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}
