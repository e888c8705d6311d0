import type { StoredEncoding } from "../protocol/storedEncoding.ts";

/** An encoding in words, equal for equal ones alone: `half`, `top-k 16 at T 1, 4`. */
export function encodingText(stored: StoredEncoding): string {
  if (typeof stored === "string") return stored;
  switch (stored.kind) {
    case "top-k":
      return `top-k ${stored.k}${stored.packed ? " packed" : ""} at T ${stored.temperatures.join(", ")}`;
    case "sampled":
      return `${stored.draws} draws at T ${stored.temperature}`;
  }
}
