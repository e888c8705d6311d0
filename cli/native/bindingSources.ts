import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NativeInstallFailed } from "./tool.ts";

/** The module that opens TensorFlow's libraries without their notes. */
export const OPENER_SOURCE = fileURLToPath(new URL("./openQuietly.cc", import.meta.url));

/** Names of attributes are kept in one set for all threads, without a lock: two workers that compute at once crash. */
const SHARED_SET = "static std::set<std::string> ATTR_NAME_SET;";
const SET_OF_THREAD = "static thread_local std::set<std::string> ATTR_NAME_SET;";

/**
 * Prepares the sources of the npm package's binding.
 * @param folder of the package
 * @returns the files to compile
 * @throws NativeInstallFailed
 */
export async function bindingSources(folder: string): Promise<string[]> {
  const path = join(folder, "binding", "tfjs_backend.cc");
  const source = await readFile(path, "utf8");
  if (!source.includes(SHARED_SET)) {
    throw new NativeInstallFailed(
      `Cannot make the binding safe for worker threads: ${path} does not hold \`${SHARED_SET}\`, as version 4.22.0 does`,
      { fields: { path } },
    );
  }
  await writeFile(path, source.replace(SHARED_SET, SET_OF_THREAD));
  return [path, join(folder, "binding", "tfjs_binding.cc")];
}
