/** Orders a server's version text, such as `2.12.0-RC.1`, against three numbers: negative when it is older. */
export function compareVersion(seen: string, wanted: readonly number[]): number {
  const numbers = seen.split(/[.-]/).slice(0, 3).map(Number);
  for (const [i, part] of wanted.entries()) {
    const difference = (numbers[i] || 0) - part;
    if (difference !== 0) return difference;
  }
  return 0;
}
