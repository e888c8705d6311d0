import { connect, createServer, type Socket } from "node:net";

/** A way to a server that can be cut, as a cable is: no farewell reaches the other end. */
export interface CuttableLine {
  readonly url: string;
  cut(): void;
}

/** @param url of the server, on this machine */
export async function openLine(url: string): Promise<CuttableLine> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const listener = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port) });
    keep(near);
    keep(far);
    near.pipe(far);
    far.pipe(near);
    // Either end that goes takes the other along.
    near.once("close", () => far.destroy());
    far.once("close", () => near.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", resolve);
  });
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the line has no port");
  return {
    url: `nats://127.0.0.1:${address.port}`,
    cut() {
      listener.close();
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
}
