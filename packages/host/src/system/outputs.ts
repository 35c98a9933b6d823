import { pino } from "pino";
import type { Output } from "../log/outputs.ts";

/** What waits for a slow reader beyond this is lost rather than kept in memory. */
const bufferBytesMax = 4 * 1024 * 1024;

/**
 * Lines to stdout (1) or stderr (2): each at once, those that come while one is being written together after
 * it; a reader that has gone away is no error.
 */
export function toDescriptor(fd: 1 | 2): Output {
  const out = pino.destination({
    fd,
    sync: false,
    minLength: 0,
    maxLength: bufferBytesMax,
  });
  let broken = false;
  out.on("error", () => {
    broken = true;
  });
  return {
    write(line) {
      if (!broken) out.write(`${line}\n`);
    },
    flushSync() {
      if (!broken) out.flushSync();
    },
  };
}
