import { connect, createServer, type Socket } from "node:net";

/**
 * The way of one process to a server, by a proxy on the loopback interface, which needs no rights, as a network namespace
 * would.
 */
export interface Cable {
  readonly url: string;
  /** From now on nothing gets through, and neither end is told; new connections hear neither answer nor refusal. */
  cut(): void;
  /** Connections from before the cut break; new ones get through. */
  mend(): void;
  /** Breaks all connections at once, and takes no more. */
  sever(): void;
}

/** @param url of the server, on this machine */
export async function openCable(url: string): Promise<Cable> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let isCut = false;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  };
  const listener = createServer((near) => {
    keep(near);
    if (isCut) return;
    const far = connect({ host: hostname, port: Number(port) });
    keep(far);
    near.pipe(far);
    far.pipe(near);
    // Either end that goes takes the other along; over a cut cable nobody hears of it.
    near.once("close", () => isCut || far.destroy());
    far.once("close", () => isCut || near.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", resolve);
  });
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the cable has no port");
  return {
    url: `nats://127.0.0.1:${address.port}`,
    cut() {
      isCut = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    mend() {
      isCut = false;
      for (const socket of sockets) socket.destroy();
    },
    sever() {
      listener.close();
      // No reset: of a socket that is being shut down it closes nothing, and Node.js waits for that at its end for ever.
      for (const socket of sockets) socket.destroy();
    },
  };
}
