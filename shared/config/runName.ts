import { z } from "zod";

/** Of runs and teachers: also a part of ids, subjects and files. */
export const runName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "expected lower-case letters, digits and dashes, 63 at most");
