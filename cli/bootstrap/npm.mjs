import { existsSync, realpathSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";

/**
 * Finds npm, as a command to spawn without a shell.
 *
 * The npm that runs this script comes first (`npm_execpath`, which yarn and pnpm set too, to themselves), then
 * the one beside node, then the one on PATH.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} [execPath] the node binary
 * @returns {{ command: string, args: string[] } | null} null when there is none
 */
export function findNpm(env, execPath = process.execPath) {
  const script = [
    ...runningNpm(env.npm_execpath),
    join(dirname(execPath), "node_modules", "npm", "bin", "npm-cli.js"),
    join(dirname(execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
  ].find((path) => existsSync(path));
  if (script !== undefined) return { command: execPath, args: [script] };

  for (const dir of (env.PATH ?? env.Path ?? "").split(delimiter)) {
    if (dir === "") continue;
    if (process.platform === "win32") {
      // npm.cmd needs a shell; the script that it runs lies beside it.
      const besideCmd = join(dir, "node_modules", "npm", "bin", "npm-cli.js");
      if (existsSync(besideCmd)) return { command: execPath, args: [besideCmd] };
    } else if (existsSync(join(dir, "npm"))) {
      const real = realpathSync(join(dir, "npm"));
      return real.endsWith(".js") ? { command: execPath, args: [real] } : { command: real, args: [] };
    }
  }
  return null;
}

/** @param {string | undefined} execpath */
function runningNpm(execpath) {
  if (execpath === undefined) return [];
  const name = basename(execpath);
  if (name === "npm-cli.js") return [execpath];
  return name === "npx-cli.js" ? [join(dirname(execpath), "npm-cli.js")] : [];
}
