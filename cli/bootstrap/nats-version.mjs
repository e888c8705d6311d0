import { execFile } from "node:child_process";

/** The oldest NATS server whose JetStream has all that the label log and the work queues use. */
export const MINIMUM_NATS = "2.9.10";

const ANSWER_MS = 5_000;

/**
 * Asks a nats-server binary for its version.
 * @param {string} path
 * @returns {Promise<{ version: string } | { problem: string }>} `problem` says why it cannot be used
 */
export async function checkNatsBinary(path) {
  /** @type {{ error: import("node:child_process").ExecFileException | null, stdout: string }} */
  const answer = await new Promise((resolve) => {
    execFile(path, ["--version"], { timeout: ANSWER_MS, killSignal: "SIGKILL" }, (error, stdout) => {
      resolve({ error, stdout });
    });
  });
  if (answer.error !== null) {
    const why = answer.error.killed === true ? `no answer within ${ANSWER_MS / 1000} s` : answer.error.code;
    return { problem: `${path} cannot be run (${why ?? answer.error.message})` };
  }
  const version = /\bv?(\d+\.\d+\.\d+)/.exec(answer.stdout)?.[1];
  if (version === undefined) {
    return {
      problem: `${path} does not say its version: \`--version\` printed "${answer.stdout.trim().slice(0, 80)}"`,
    };
  }
  if (isOlder(version, MINIMUM_NATS)) {
    return { problem: `${path} is version ${version}, and Stillhouse needs ${MINIMUM_NATS} or newer` };
  }
  return { version };
}

/**
 * @param {string} a three numbers with dots
 * @param {string} b
 */
function isOlder(a, b) {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  const at = left.findIndex((value, i) => value !== right[i]);
  return at >= 0 && (left[at] ?? 0) < (right[at] ?? 0);
}
