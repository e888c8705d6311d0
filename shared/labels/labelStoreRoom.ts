import { statfsSync } from "node:fs";
import { StillhouseError } from "../errors.ts";

/** The disk of a student node has no room for the labels that it is to keep. Another node, or a larger disk, can. */
export class NoRoomForLabels extends StillhouseError {}

/**
 * Refuses a disk without room for a label store.
 * @param bytes that the store may come to hold
 * @param freeBytes of the disk; absent: as the system says
 * @throws NoRoomForLabels
 */
export function requireRoomForLabels(
  folder: string,
  bytes: number,
  freeBytes: (folder: string) => number = freeBytesOf,
): void {
  const free = freeBytes(folder);
  if (bytes <= free) return;
  throw new NoRoomForLabels(
    `Cannot keep up to ${bytes} bytes of labels in ${folder} as its disk has ${free} bytes free: free some, let TMPDIR name another folder, or lower student.labelStoreBytes, beyond which labels are read again from the log`,
    { fields: { folder, bytes, free } },
  );
}

function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Whether a write failed for want of room: of the disk's, or of what its user may take of it. */
export function isDiskFull(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "ENOSPC" || code === "EDQUOT";
}
