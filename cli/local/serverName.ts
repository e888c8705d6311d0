import { connect } from "node:net";

/**
 * The name that a NATS server on a port of this machine gives itself in its greeting: what tells our server from
 * another process that has its number, or its port, by chance.
 * @returns undefined when nobody answers in time, or somebody else
 */
export function serverName(port: number, waitMs = 500): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (name: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(name);
    };
    const timer = setTimeout(() => end(undefined), waitMs);
    let said = "";
    socket.once("error", () => end(undefined));
    socket.once("close", () => end(undefined));
    socket.on("data", (bytes) => {
      said += bytes.toString("latin1");
      if (said.includes("\r\n")) end(/^INFO .*"server_name":"([^"]*)"/.exec(said)?.[1]);
    });
  });
}
