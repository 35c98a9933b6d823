/** The stream of a container without a terminal: pieces of its stdout and stderr under an 8-byte header. */
import { Duplex } from "node:stream";

const header = 8;
const stdoutKind = 1;

/**
 * A duplex of the container's stdin and stdout; `onOutput` gets its stderr. A container that is read slowly
 * is made to wait: nothing gathers here.
 */
export function demuxed(socket: Duplex, onOutput: (chunk: Buffer) => void): Duplex {
  let [left, kind] = [0, 0];
  let head = Buffer.alloc(0);
  const duplex = new Duplex({
    read: () => {
      if (!duplex.isPaused()) socket.resume();
    },
    write: (chunk, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  const feed = (chunk: Buffer): void => {
    let rest = chunk;
    while (rest.length > 0) {
      if (left === 0) {
        const taken = rest.subarray(0, header - head.length);
        head = Buffer.concat([head, taken]);
        rest = rest.subarray(taken.length);
        if (head.length < header) return;
        [kind, left] = [head.readUInt8(0), head.readUInt32BE(4)];
        head = Buffer.alloc(0);
        continue;
      }
      const piece = rest.subarray(0, left);
      left -= piece.length;
      rest = rest.subarray(piece.length);
      if (kind !== stdoutKind) onOutput(piece);
      else if (!duplex.push(piece)) socket.pause();
    }
  };
  socket.on("data", feed);
  // Both come by one connection: who pauses one has paused the other.
  duplex.on("pause", () => void socket.pause());
  duplex.on("resume", () => void socket.resume());
  socket.once("end", () => duplex.push(null));
  socket.once("error", () => duplex.destroy());
  socket.once("close", () => duplex.destroy());
  return duplex;
}
