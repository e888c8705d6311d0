// This file and start.mjs are read by whatever Node the user has, so they keep to syntax that old versions parse.

/** The oldest major version of Node that Stillhouse runs on; the same as `engines` in package.json. */
export const MINIMUM_NODE = 20;

/**
 * @param {string} version as in `process.versions.node`
 * @returns {string | null} why this Node cannot run Stillhouse, or null when it can
 */
export function nodeVersionProblem(version) {
  if (Number.parseInt(version, 10) >= MINIMUM_NODE) return null;
  return (
    "Cannot run Stillhouse on Node " +
    version +
    ": it needs Node " +
    MINIMUM_NODE +
    " or newer. Install one, or put it first on PATH (`node --version` shows which is used)."
  );
}
