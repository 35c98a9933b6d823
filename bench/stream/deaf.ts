/** A follower that asks for everything and reads nothing. */
import { once } from "node:events";
import net from "node:net";
import { randomBytes } from "node:crypto";

export interface Deaf {
  /** True while the control plane still bears with it. */
  readonly isOpen: boolean;
  close(): void;
}

export async function deafFollower(of: {
  url: string;
  token: string;
  runs: readonly string[];
}): Promise<Deaf> {
  const { host, hostname, port } = new URL(of.url);
  const socket = net.connect(Number(port), hostname);
  await once(socket, "connect");
  socket.write(
    [
      "GET /v1/socket HTTP/1.1",
      `host: ${host}`,
      `authorization: Bearer ${of.token}`,
      "connection: Upgrade",
      "upgrade: websocket",
      "sec-websocket-version: 13",
      `sec-websocket-key: ${randomBytes(16).toString("base64")}`,
      "\r\n",
    ].join("\r\n"),
  );
  await once(socket, "data");
  socket.pause();
  let isOpen = true;
  socket.on("close", () => (isOpen = false));
  socket.on("error", () => (isOpen = false));
  const asked = of.runs.map((run, id) => ["follow", id, run, "", { live: true }]);
  socket.write(frameOf(JSON.stringify(asked)));
  return {
    get isOpen() {
      return isOpen;
    },
    close: () => void socket.destroy(),
  };
}

/** One text frame of a client; the mask is zero, which leaves the text as it is. */
function frameOf(text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = 0x81;
  head[1] = 0x80 | 126;
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}
