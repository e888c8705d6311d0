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

/** The same for many subjects of one filter: most fail at what the filter starts with. */
export function matcher(filter: string): (subject: string) => boolean {
  const tokens = filter.split(".");
  const wild = tokens.findIndex((token) => token === "*" || token === ">");
  if (wild < 0) return (subject) => subject === filter;
  const start = tokens
    .slice(0, wild)
    .map((token) => `${token}.`)
    .join("");
  if (tokens[wild] === ">") return (subject) => subject.length > start.length && subject.startsWith(start);
  return (subject) => subject.startsWith(start) && matches(filter, subject);
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
