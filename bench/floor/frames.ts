/** Messages over a socket: one JSON array a line, everything said in one turn of the loop in one line. */
import type net from "node:net";

export interface Link<Out> {
  say(message: Out): void;
}

/** `receive` gets each message once, in order. It trusts its peer: both ends are the floor's own. */
export function openLink<In, Out>(socket: net.Socket, receive: (message: In) => void): Link<Out> {
  let rest = "";
  let waiting: Out[] = [];
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const messages: readonly In[] = JSON.parse(line);
      for (const message of messages) receive(message);
    }
  });
  const flush = (): void => {
    socket.write(`${JSON.stringify(waiting)}\n`);
    waiting = [];
  };
  return {
    say(message) {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push(message);
    },
  };
}
