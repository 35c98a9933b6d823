/**
 * The wires between the nodes: in the hub's namespace, told by its parent which node's wires are slow.
 * `node relay.ts '<relays as JSON>' '<addresses of the nodes as JSON>'`.
 */
import net from "node:net";
import { parseRelays, parseSlow, type RelayTo } from "./parse-relays.ts";

const ports = [4_222, 6_222];
const heldBytesMax = 8 * 1024 * 1024;
const relays = parseRelays(process.argv[2] ?? "");
/** Milliseconds that each byte from or to a node takes longer, by node. */
let slow: ReadonlyMap<number, number> = new Map();

process.on("message", (message) => {
  slow = parseSlow(message);
});
process.on("disconnect", () => process.exit());
const listening = relays.flatMap((relay) => ports.map((port) => listen(relay, port)));
await Promise.all(listening);
process.send?.("ready");

function listen(relay: RelayTo, port: number): Promise<void> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = net.connect({
      host: relay.target,
      port,
      localAddress: relay.address,
      allowHalfOpen: true,
      noDelay: true,
    });
    pump(relay, near, far);
    pump(relay, far, near);
  });
  return new Promise((resolve) => server.listen(port, relay.address, resolve));
}

/** In order, each piece as late as its wire is slow when it comes; the end comes behind all of them. */
function pump(relay: RelayTo, source: net.Socket, sink: net.Socket): void {
  let [dueMs, held] = [0, 0];
  const queue: (() => void)[] = [];
  const later = (what: () => void): void => {
    const delayMs = (slow.get(relay.from) ?? 0) + (slow.get(relay.to) ?? 0);
    const now = performance.now();
    if (delayMs === 0 && queue.length === 0) return what();
    dueMs = Math.max(dueMs, now + delayMs);
    queue.push(what);
    // Timers of different lengths may fire in any order: each one takes what is first.
    setTimeout(() => queue.shift()?.(), dueMs - now);
  };
  source.on("data", (piece) => {
    held += piece.length;
    if (held > heldBytesMax) source.pause();
    later(() => {
      held -= piece.length;
      const flows = sink.destroyed || sink.write(piece);
      if (!flows) source.pause();
      else if (held <= heldBytesMax) source.resume();
    });
  });
  sink.on("drain", () => source.resume());
  source.on("end", () => later(() => sink.end()));
  source.on("error", () => undefined);
  source.on("close", () => later(() => sink.destroy()));
}
