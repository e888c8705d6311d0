/**
 * Whether every subject that `inner` matches is matched by `outer` too. A subject without wildcards is a filter
 * that matches itself alone.
 */
export function covers(outer: string, inner: string): boolean {
  const a = outer.split(".");
  const b = inner.split(".");
  for (let i = 0; ; i++) {
    if (i >= a.length) return i >= b.length;
    if (a[i] === ">") return i < b.length;
    if (i >= b.length || b[i] === ">") return false;
    if (a[i] !== "*" && a[i] !== b[i]) return false;
  }
}

/** Whether a subject matches a filter: `*` stands for one token, a last `>` for one or more. */
export function matches(filter: string, subject: string): boolean {
  return covers(filter, subject);
}

/** Whether some subject matches both filters. */
export function overlap(left: string, right: string): boolean {
  const a = left.split(".");
  const b = right.split(".");
  for (let i = 0; ; i++) {
    if (i >= a.length || i >= b.length) return a.length === b.length;
    if (a[i] === ">" || b[i] === ">") return true;
    if (a[i] !== "*" && b[i] !== "*" && a[i] !== b[i]) return false;
  }
}
