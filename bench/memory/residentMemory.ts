import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Memory of processes that is in use now, bytes, in the order of `pids`. */
export function residentMemory(pids: readonly number[]): number[] {
  return pids.map((pid) => 1024 * (process.platform === "linux" ? ofLinux(pid) : ofUnix(pid)));
}

function ofLinux(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes);
}

function ofUnix(pid: number): number {
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" }));
}
