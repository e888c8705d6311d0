import { connect, createServer, type Socket } from "node:net";

/** The way of one process to the server, which can be cut: connections break, and new ones are refused by silence. */
export interface Cable {
  readonly url: string;
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** A proxy on the loopback interface to a server's port there. No rights are needed, as a network namespace would. */
export async function openCable(serverPort: number): Promise<Cable> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    keep(near);
    // As a network that is gone: neither an answer nor a refusal.
    if (isCut) return;
    const far = connect(serverPort, "127.0.0.1");
    keep(far);
    near.pipe(far);
    far.pipe(near);
  });
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
  };
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("the proxy has no port"));
      else resolve(address.port);
    });
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    cut() {
      isCut = true;
      // Both ends hear nothing any more, and are not told.
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    mend() {
      isCut = false;
      for (const socket of sockets) socket.destroy();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
