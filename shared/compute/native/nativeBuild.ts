import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { messageOf, StillhouseError } from "../../errors.ts";
import { nativeFolder } from "./nativeFolder.ts";

/** What a build computes on; each has one place in the folder of builds. */
export const nativeKinds = ["cpu", "gpu"] as const;
export type NativeKind = (typeof nativeKinds)[number];

/** Raised when builds are made in another way, so that older ones are made again. */
export const NATIVE_FORMAT = 1;

/** What `KIND.json` says of a build: it is written last, so what it names is whole. */
export const NativeBuild = z.strictObject({
  format: z.literal(NATIVE_FORMAT),
  kind: z.enum(nativeKinds),
  /** Beside the file, a name alone. */
  folder: z.string().regex(/^[a-z0-9][a-z0-9.+-]*$/i),
  /** Version of TensorFlow's libraries. */
  tensorflow: z.string(),
  /** Version of the npm package whose binding it is. */
  tfjsNode: z.string(),
  machine: z.string(),
  compiler: z.string(),
  bytes: z.number(),
});
export type NativeBuild = z.infer<typeof NativeBuild>;

/** A build's description cannot be read. */
export class BadNativeBuild extends StillhouseError {}

export const machineName = `${process.platform}-${process.arch}`;

/** Where a build is described. */
export function buildFile(kind: NativeKind, root = nativeFolder()): string {
  return join(root, `${kind}.json`);
}

/** The npm package inside a build. */
export function packageFolder(build: string): string {
  return join(build, "node_modules", "@tensorflow", "tfjs-node");
}

/**
 * The build of a kind, or null where there is none.
 * @throws BadNativeBuild
 */
export function readNativeBuild(kind: NativeKind, root = nativeFolder()): NativeBuild | null {
  const path = buildFile(kind, root);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new BadNativeBuild(`Cannot read ${path}: ${messageOf(error)}`, { fields: { path }, cause: error });
  }
  const parsed = NativeBuild.safeParse(parse(text));
  if (parsed.success && parsed.data.machine === machineName) return parsed.data;
  const why = parsed.success
    ? `it is for ${parsed.data.machine}, this machine is ${machineName}`
    : "it is not one that this version of Stillhouse makes";
  const again = `stillhouse native install${kind === "gpu" ? " --gpu" : ""}`;
  throw new BadNativeBuild(`Cannot use the build in ${path}: ${why}; make it again with: ${again}`, {
    fields: { path },
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
