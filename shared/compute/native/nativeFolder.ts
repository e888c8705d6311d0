import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * The folder of the builds that `stillhouse native install` makes: STILLHOUSE_NATIVE_DIR, or `native` in the cache that
 * all of Stillhouse uses (the same as `defaultCacheDir` of cli/bootstrap, which has to load before any TypeScript can).
 */
export function nativeFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (env.STILLHOUSE_NATIVE_DIR) return env.STILLHOUSE_NATIVE_DIR;
  return join(cacheFolder(env, platform), "native");
}

export function cacheFolder(env: NodeJS.ProcessEnv, platform: string): string {
  if (env.STILLHOUSE_CACHE) return env.STILLHOUSE_CACHE;
  if (platform === "win32") {
    return join(env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "stillhouse");
  }
  // The XDG specification has relative paths ignored.
  const xdg = env.XDG_CACHE_HOME;
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "stillhouse");
  return join(env.HOME ?? homedir(), ".cache", "stillhouse");
}
