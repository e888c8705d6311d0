import { join } from "node:path";
import type { NativeBackendName } from "../backendNames.ts";
import { type NativeKind, readNativeBuild } from "./nativeBuild.ts";
import { nativeFolder } from "./nativeFolder.ts";
import type { NativePackage } from "./nativePackage.ts";
import { openNativeBuild } from "./openNativeBuild.ts";

const kinds: Record<NativeBackendName, NativeKind> = { "tfjs-node": "cpu", "tfjs-node-gpu": "gpu" };

let loaded: NativePackage | null = null;

/** The native package of this process; null where none was loaded. */
export function loadedNativePackage(): NativePackage | null {
  return loaded;
}

/**
 * Loads a native package, which registers its backend: the build of `stillhouse native install` where there is one, as
 * somebody asked for it, else the package that npm installed.
 */
export async function loadNativePackage(
  backend: NativeBackendName,
): Promise<{ version: string | undefined; origin: string }> {
  const build = readNativeBuild(kinds[backend]);
  if (build) {
    loaded = await openNativeBuild(join(nativeFolder(), build.folder));
    return { version: build.tfjsNode, origin: "built by stillhouse native install" };
  }
  // The name is a variable so that the compiler does not ask for an optional package.
  const packageName = `@tensorflow/${backend}`;
  const module = (await import(packageName)) as NativePackage & { default?: NativePackage };
  loaded = module.default ?? module;
  return { version: loaded.version?.["tfjs-node"], origin: "installed by npm" };
}
