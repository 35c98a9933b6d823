/** What a container writes, as an engine sends it without a terminal: frames of stdout and stderr. */
import type { Duplex } from "node:stream";

export interface Outputs {
  readonly stdout: (bytes: Buffer) => void;
  readonly stderr?: (bytes: Buffer) => void;
  /** Nothing more comes. */
  readonly end?: () => void;
}

const headerBytes = 8;
const stdout = 1;
const stderr = 2;

/** Hands the bytes on as they come, whole frames or not; a frame is never held back for its end. */
export function demultiplexed(stream: Duplex, outputs: Outputs): void {
  let header = Buffer.alloc(0);
  let kind = 0;
  let left = 0;
  stream.on("data", (chunk: Buffer) => {
    let rest = chunk;
    while (rest.length > 0) {
      if (left === 0) {
        const taken = rest.subarray(0, headerBytes - header.length);
        header = Buffer.concat([header, taken]);
        rest = rest.subarray(taken.length);
        if (header.length < headerBytes) return;
        kind = header[0] ?? 0;
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        continue;
      }
      const part = rest.subarray(0, left);
      left -= part.length;
      rest = rest.subarray(part.length);
      if (kind === stdout) outputs.stdout(part);
      if (kind === stderr) outputs.stderr?.(part);
    }
  });
  stream.on("end", () => outputs.end?.());
}
