import { isMainThread, type MessagePort, type Worker } from "node:worker_threads";
import { messageOf, StillhouseError } from "../errors.ts";

/** Calls between a thread and its worker, both ways, over the port that joins them. */
export interface Rpc<Remote extends Methods<Remote>> {
  /** Rejects when the worker has ended; on the worker's side it never settles. */
  readonly ended: Promise<never>;
  call<K extends keyof Remote & string>(
    method: K,
    ...args: Parameters<Remote[K]>
  ): Promise<Awaited<ReturnType<Remote[K]>>>;
}

export type Methods<T> = { [K in keyof T]: (...args: never[]) => unknown };

type Message =
  | { kind: "call"; id: number; method: string; args: unknown[] }
  | { kind: "result"; id: number; value: unknown }
  | { kind: "error"; id: number; error: PlainError }
  | { kind: "end" };

/** Sent to a worker that serves by `connectRpc`, it ends the thread, whatever calls are under way there. */
export const END: Message = { kind: "end" };

/** What of an error survives the way between threads, where class and fields are lost. */
interface PlainError {
  name: string;
  message: string;
  stack: string | undefined;
  retry: boolean;
  fields: Record<string, unknown>;
}

/** An error thrown in a worker, with the name it had there. */
export class WorkerError extends StillhouseError {
  constructor(error: PlainError) {
    super(error.message, { fields: error.fields, retry: error.retry });
    this.name = error.name;
    if (error.stack) this.stack = error.stack;
  }
}

/** The thread that computes is gone: what it had in work can be done elsewhere. */
export class ComputeEnded extends StillhouseError {}

/** Serves `local` to the other side of `port` and calls the other side's methods. */
export function connectRpc<Remote extends Methods<Remote>, Local extends Methods<Local>>(
  port: MessagePort | Worker,
  local: Local,
): Rpc<Remote> {
  const pending = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  let nextId = 0;

  port.on("message", async (message: Message) => {
    switch (message.kind) {
      case "call": {
        const { id } = message;
        try {
          // The one place where the other side's arguments meet a method's types, which both sides share.
          const method = local[message.method as keyof Local] as unknown as (...args: unknown[]) => unknown;
          const value = await method.apply(local, message.args);
          port.postMessage({ kind: "result", id, value } satisfies Message);
        } catch (error) {
          port.postMessage({ kind: "error", id, error: plain(error) } satisfies Message);
        }
        return;
      }
      case "result":
        pending.get(message.id)?.resolve(message.value);
        pending.delete(message.id);
        return;
      case "error":
        pending.get(message.id)?.reject(new WorkerError(message.error));
        pending.delete(message.id);
        return;
      case "end":
        // In a worker this ends its thread alone. Only a worker is asked to end.
        if (!isMainThread) process.exit(0);
        return;
    }
  });

  let ended: unknown;
  let tellEnd: (error: unknown) => void = () => undefined;
  const end = new Promise<never>((_, reject) => {
    tellEnd = reject;
  });
  // Whoever is not interested in the end need not listen for it.
  end.catch(() => undefined);
  const fail = (error: unknown): void => {
    ended ??= error;
    tellEnd(error);
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  if ("terminate" in port) {
    port.on("error", (error) =>
      fail(new ComputeEnded(`The compute thread failed: ${messageOf(error)}`, { retry: true, cause: error })),
    );
    port.on("exit", (code) =>
      fail(new ComputeEnded(`The compute thread ended with code ${code}`, { retry: true, fields: { code } })),
    );
  }

  return {
    ended: end,
    call(method, ...args) {
      if (ended) return Promise.reject(ended);
      const id = nextId++;
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
        port.postMessage({ kind: "call", id, method, args } satisfies Message);
      });
    },
  };
}

function plain(error: unknown): PlainError {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: undefined, retry: false, fields: {} };
  }
  const ours = error instanceof StillhouseError;
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    retry: ours && error.retry,
    fields: ours ? { ...error.fields } : {},
  };
}
