/** Code that prints without end, to a worker that does not read: who stands between gathers none of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { openChannel } from "../../src/channel/frames.ts";
import { openBroker } from "../../src/sandbox/broker.ts";
import { demuxed } from "../../src/sandbox/demux.ts";

const pieceBytes = 64 * 1024;
const limits = { memoryMb: 128, cpus: 1, pids: 64, tmpMb: 64, lifeMs: 60_000 };
const request = { network: [], tool: "box.run", run: "r1", step: "s1", ...limits };
const applied = JSON.parse("{}");

/** A container's connection: its errors without end, as fast as they are taken. */
function flood(): { readonly socket: Duplex; readonly printed: () => number } {
  let printed = 0;
  const piece = Buffer.alloc(8 + pieceBytes, "x");
  piece.writeUInt32BE(0x02_000000, 0);
  piece.writeUInt32BE(pieceBytes, 4);
  const socket = new Duplex({
    read() {
      void turn().then(() => {
        printed += pieceBytes;
        this.push(piece);
      });
    },
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  return { socket, printed: () => printed };
}

test("a broker takes no more than a worker reads, whatever the code prints", async () => {
  const folder = mkdtempSync(join(tmpdir(), "agentflow-flood-"));
  const path = join(folder, "broker.sock");
  const { socket, printed } = flood();
  const exited = Promise.withResolvers<{ code: number; outOfMemory: boolean }>();
  const broker = await openBroker({
    path,
    max: 1,
    source: {
      open: async (_request, onOutput) => {
        const stream = demuxed(socket, onOutput);
        const kill = (): void => exited.resolve({ code: 137, outOfMemory: false });
        return Promise.resolve({ stream, applied, exited: exited.promise, kill });
      },
      close: async () => Promise.resolve(),
    },
  });
  const worker = createConnection(path);
  let read = 0;
  const channel = openChannel(worker, (message) => void (read += JSON.stringify(message).length));
  channel.send(["open", request]);
  worker.pause();
  // What the system keeps for a socket, the broker's own megabyte, and pieces under way; then nothing moves.
  await expect.poll(printed, { timeout: 30_000 }).toBeGreaterThan(512 * 1024);
  for (let last = -1; printed() !== last; ) {
    last = printed();
    await delay(300);
  }
  const waiting = printed();
  expect(waiting).toBeLessThan(8 * 1024 * 1024);
  worker.resume();
  await expect.poll(printed, { timeout: 30_000 }).toBeGreaterThan(waiting * 3);
  expect(read).toBeGreaterThan(waiting);
  channel.close();
  await exited.promise;
  socket.destroy();
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});
