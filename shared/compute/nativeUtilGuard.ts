import util from "node:util";

/**
 * Gives `node:util` back two checks that the JavaScript side of the native TensorFlow packages calls. Node 23 removed
 * them, and without them the native backend loads and then fails in the middle of its first operation.
 * Call before importing such a package. Node versions that still have them keep their own.
 */
export function restoreUtilChecks(target: object = util): void {
  const checks: Record<string, (value: unknown) => boolean> = {
    isNullOrUndefined: (value) => value === null || value === undefined,
    isArray: Array.isArray,
  };
  for (const [name, check] of Object.entries(checks)) {
    if (name in target) continue;
    Object.defineProperty(target, name, { value: check, configurable: true, writable: true });
  }
}
