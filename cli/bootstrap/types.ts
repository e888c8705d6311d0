/** How a NATS server can be had. */
export type NatsServer =
  /** A running server; `url` is NATS_URL as it is, credentials included: print it with `withoutCredentials`. */
  | { kind: "url"; url: string }
  | {
      kind: "binary";
      path: string;
      /** Three numbers, as "2.10.29". */
      version: string;
      source: "env" | "path" | "cache" | "download" | "package-manager";
    }
  /** `reasons` holds one line for each way that was tried; `fix` is what the user can do. */
  | { kind: "none"; reasons: string[]; fix: string };

export interface FindNatsOptions {
  /** Default: process.env. */
  env?: NodeJS.ProcessEnv;
  /** Default: `defaultCacheDir(env, platform)`. */
  cacheDir?: string;
  /** Told before and after slow work, one line at a time. Never receives NATS_URL. */
  log?: (line: string) => void;
  /** Whether NATS_URL is passed over, for a caller that needs a server of its own. Default false. */
  ignoreUrl?: boolean;
  /** Looked at after PATH; default /usr/local/sbin and /usr/sbin. */
  systemDirs?: readonly string[];
  /** Default true. */
  allowDownload?: boolean;
  /** Default true. */
  allowPackageManager?: boolean;
  /** The address of the releases, without a slash at its end. */
  fetchBase?: string;
  /** As process.platform and process.arch, which are the defaults. */
  platform?: string;
  arch?: string;
  /** Milliseconds until a connection stands; default 5,000. */
  connectMs?: number;
  /** Milliseconds without a byte; default 10,000. */
  idleMs?: number;
  /** Milliseconds for the whole download; default 120,000. */
  totalMs?: number;
}

/** What the installation of the native TensorFlow looks at; the defaults are this machine and the real host. */
export interface NativeOptions {
  /** Whether an NVIDIA GPU is there; default: looked for. */
  gpuSeen?: boolean;
  /** Asked with HEAD before anything is downloaded; default: the archive that the package would download. */
  probeUrl?: string;
  /** Milliseconds within which the probe must have answered; default 3,000. */
  probeMs?: number;
  /** Milliseconds after which the native installation is killed; default 600,000. */
  limitMs?: number;
}

export interface InstallOptions {
  /** The folder of package.json. */
  root: string;
  /** Receives one line at a time, without a newline. */
  log: (line: string) => void;
  /** Read for npm's place and for STILLHOUSE_NATIVE ("1" tries, "0" never); default: process.env. */
  env?: NodeJS.ProcessEnv;
  native?: NativeOptions;
}
