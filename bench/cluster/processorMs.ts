import { readFileSync } from "node:fs";

/** Of a clock that counts a process's time on Linux: 100 a second, whatever the machine. */
const TICK_MS = 10;

/** Processor time of another process since it started, milliseconds; NaN where the system does not tell. */
export function processorMs(pid: number): number {
  if (process.platform !== "linux") return Number.NaN;
  // The second field, a name in brackets, may hold spaces; user and system time are the 14th and 15th.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\)/s, "").trim().split(" ");
  return TICK_MS * (Number(fields[11]) + Number(fields[12]));
}
