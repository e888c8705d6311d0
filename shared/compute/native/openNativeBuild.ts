import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packageFolder } from "./nativeBuild.ts";
import type { NativePackage } from "./nativePackage.ts";

/**
 * Where a build's stand-in for `@tensorflow/tfjs` finds the one that this process uses: kernels and backend have to
 * register with the engine that our tensors live in.
 */
const SHARED_TENSORFLOW = Symbol.for("stillhouse.tensorflow");

/** Before the binding, which links TensorFlow's libraries: it opens them without their notes. */
const OPENER = "open_quietly.node";

/** Loads the package of a build into this process. @param build its folder */
export async function openNativeBuild(build: string): Promise<NativePackage> {
  const require = createRequire(import.meta.url);
  (globalThis as Record<symbol, unknown>)[SHARED_TENSORFLOW] = require("@tensorflow/tfjs");
  require(join(build, OPENER));
  const path = join(packageFolder(build), "dist", "index.js");
  const module = (await import(pathToFileURL(path).href)) as NativePackage & { default?: NativePackage };
  return module.default ?? module;
}
