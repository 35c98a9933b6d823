/** Messages over a socket: one JSON array a line, everything said in one turn of the loop in one line. */
import type net from "node:net";
import type { StepMessage } from "./messages.ts";
import { parseFrame } from "./parse-floor.ts";

export interface Link {
  say(message: StepMessage): void;
}

/** `receive` gets each message once, in order. It trusts its peer: both ends are the floor's own. */
export function openLink(socket: net.Socket, receive: (message: StepMessage) => void): Link {
  let rest = "";
  let waiting: StepMessage[] = [];
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      for (const message of parseFrame(line)) receive(message);
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
