/** A way to an address that can be cut: whoever went by it sees the connection break, and may come again. */
import { once } from "node:events";
import net from "node:net";

export interface Cuttable {
  readonly url: string;
  /** Breaks what is open; gives how many connections that were. */
  cut(): number;
  close(): void;
}

export async function cuttable(to: string): Promise<Cuttable> {
  const { host, hostname, port } = new URL(to);
  const open = new Set<net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    open.add(near);
    // The API answers to its own name only, and a request's head is the first that comes.
    near.once("data", (head: Buffer) => {
      far.write(head.toString("latin1").replace(/^host: .*$/im, `host: ${host}`), "latin1");
      near.pipe(far);
    });
    far.pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.setNoDelay(true);
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
    near.on("close", () => open.delete(near));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const own = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${own}`,
    cut() {
      const count = open.size;
      for (const socket of open) socket.destroy();
      return count;
    },
    close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
