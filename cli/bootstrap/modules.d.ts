// The types of the plain JavaScript in this folder, for the TypeScript that imports it. They are declared by
// pattern: a .d.mts file beside each module would make the linter take the module's own extension for wrong.

declare module "*/bootstrap/nats-server.mjs" {
  /**
   * Finds a NATS server: NATS_URL, NATS_SERVER_BIN, PATH, the cache, the official release (checked against its
   * SHA256SUMS), the package of Debian and Ubuntu; in this order, and none older than 2.9.10. A NATS_SERVER_BIN
   * that cannot be used ends the search. Never throws: what failed is in `reasons`.
   */
  export function findNatsServer(
    options?: import("./types.ts").FindNatsOptions,
  ): Promise<import("./types.ts").NatsServer>;

  /** STILLHOUSE_CACHE, or the user's cache folder of the platform with `stillhouse` in it. */
  export function defaultCacheDir(env: NodeJS.ProcessEnv, platform: string): string;

  /** A NATS URL, or a list of them, that is safe to print: all up to the last "@" is replaced. */
  export function withoutCredentials(url: string): string;

  /** What was found, for people: one line, or the reasons and the fix. Without credentials. */
  export function describeNatsServer(found: import("./types.ts").NatsServer): string;
}

declare module "*/bootstrap/install.mjs" {
  /**
   * Installs the dependencies of a checkout with `npm ci` when they are missing, or belong to another
   * package-lock.json, another major version of Node or another platform. One process installs at a time; the
   * others wait for it. The native TensorFlow is tried after that and never fails the installation.
   *
   * @returns whether `npm ci` ran in this call
   * @throws BootstrapError when npm is absent or fails
   */
  export function ensureInstalled(
    options: import("./types.ts").InstallOptions,
  ): Promise<{ installed: boolean }>;
}

declare module "*/bootstrap/onnx.mjs" {
  /** What there is of ONNX Runtime after an installation, for people: one line. */
  export function describeOnnxRuntime(root: string, machine?: { platform?: string; arch?: string }): string;
}

declare module "*/bootstrap/npm.mjs" {
  /** npm as a command to spawn without a shell: the one that runs this, beside node, or on PATH; null without one. */
  export function findNpm(env: NodeJS.ProcessEnv): { command: string; args: string[] } | null;
}

declare module "*/bootstrap/node-version.mjs" {
  /** The oldest major version of Node that Stillhouse runs on. */
  export const MINIMUM_NODE: number;

  /** Why a Node of this version (as in `process.versions.node`) cannot run Stillhouse, or null when it can. */
  export function nodeVersionProblem(version: string): string | null;
}
