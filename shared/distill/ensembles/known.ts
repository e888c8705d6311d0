/** Which classes a teacher knows: their numbers, or all. */
export type KnownClasses = readonly number[] | null;

/** 1 at each class that a teacher knows, else 0: [classes]. */
export function knownMask(known: KnownClasses, classes: number): number[] {
  return Array.from({ length: classes }, (_, c) => (!known || known.includes(c) ? 1 : 0));
}

/**
 * Whether teachers that know these classes can be joined: from each there is a way to each other over shared classes.
 */
export function bridged(known: readonly KnownClasses[]): boolean {
  const met = new Set([0]);
  const shares = (a: KnownClasses, b: KnownClasses): boolean => !a || !b || a.some((c) => b.includes(c));
  for (const k of met) {
    known.forEach((of, j) => {
      if (shares(known[k] ?? null, of)) met.add(j);
    });
  }
  return known.length === 0 || met.size === known.length;
}
