/**
 * The candidate that a misspelt word most likely means: the one with the fewest letters added, dropped, changed or
 * swapped with their neighbour, if these are at most a third of the word (one at least).
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: edits(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate;
}

/** Distance of Damerau and Levenshtein (optimal string alignment). */
function edits(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const changed = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : changed;
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, changed, swapped));
    }
  }
  return at(a.length, b.length);
}

/** Those that a word may mean, the likeliest first: what is spelt much like it, and what contains it or is a part of it. */
export function nearMatches(word: string, candidates: readonly string[], most = 4): string[] {
  const lower = word.toLowerCase();
  const alike = nearest(word, candidates);
  const related = candidates.filter((candidate) => {
    const other = candidate.toLowerCase();
    return other.length > 2 && (other.includes(lower) || lower.includes(other));
  });
  return [...new Set([...(alike === undefined ? [] : [alike]), ...related])].slice(0, most);
}
