/** An encoding in words: equal for equal ones alone. */
export function encodingText(encoding: string | object): string {
  return typeof encoding === "string" ? encoding : JSON.stringify(encoding);
}
