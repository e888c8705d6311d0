/**
 * Keeps TensorFlow's library from writing notes on its start to the process's standard error, unless the user asks for
 * them. It reads the variable where it is loaded, and a worker thread has only a copy of the environment: so this has
 * to run in the main thread, before a worker that may load the library is there.
 */
export function quietTensorflow(env: NodeJS.ProcessEnv = process.env): void {
  env.TF_CPP_MIN_LOG_LEVEL ??= "2";
}
