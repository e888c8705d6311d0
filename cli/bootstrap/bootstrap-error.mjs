/**
 * An error whose message is written for the user: it is printed without a stack. It mirrors StillhouseError,
 * which is TypeScript and so cannot be loaded before the dependencies are installed.
 */
export class BootstrapError extends Error {
  /**
   * @param {string} message
   * @param {Record<string, unknown>} [fields]
   */
  constructor(message, fields = {}) {
    super(message);
    this.name = "BootstrapError";
    this.fields = fields;
  }
}
