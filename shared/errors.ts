/**
 * The base of every error that Stillhouse throws on purpose. Its message says the action, the bound and the
 * value seen; `fields` carries the same facts for a log or a report; `retry` says whether trying again can help.
 */
export class StillhouseError extends Error {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly retry: boolean;

  constructor(
    message: string,
    options: { fields?: Record<string, unknown>; retry?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.fields = options.fields ?? {};
    this.retry = options.retry ?? false;
  }
}

/** The text of whatever was thrown, without the stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
