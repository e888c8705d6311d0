import { median } from "../../shared/evaluate/median.ts";
import { robustSlope } from "../statistics.ts";

/** A line of the table, and an element of the JSON. Memory in 10^6 bytes. */
export interface MemoryRow {
  readonly role: string;
  readonly samples: number;
  readonly startMb: number;
  readonly medianMb: number;
  readonly endMb: number;
  /** What a million samples add, after the first fifth of the time. */
  readonly slopeMbPerMillion: number;
}

/** Of the time, in which caches fill. */
const WARM_UP = 0.2;
/** Looks whose median is the start or the end. */
const FEW = 5;

/**
 * @param looks of one process, equally far apart, bytes
 * @param samples that went through while they were taken
 */
export function memoryRow(role: string, looks: readonly number[], samples: number): MemoryRow {
  const megabytes = looks.map((bytes) => bytes / 1e6);
  const warm = megabytes.slice(Math.floor(WARM_UP * megabytes.length));
  const perLook = samples / 1e6 / megabytes.length;
  return {
    role,
    samples,
    startMb: median(megabytes.slice(0, FEW)),
    medianMb: median(warm),
    endMb: median(megabytes.slice(-FEW)),
    slopeMbPerMillion: robustSlope(warm.map((mb, i) => [i * perLook, mb])),
  };
}
