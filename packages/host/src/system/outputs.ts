import { pino } from "pino";
import type { Output } from "../log/outputs.ts";

/** What waits for a slow reader beyond this is lost rather than kept in memory. */
const bufferBytesMax = 4 * 1024 * 1024;
/** What a process that is killed may take with it. */
const gatherMs = 25;

/**
 * Lines to stdout (1) or stderr (2), gathered for a moment: a line that is still being written when the
 * process ends in good order would come behind its last ones. A reader that has gone away is no error.
 */
export function toDescriptor(fd: 1 | 2): Output {
  const out = pino.destination({
    fd,
    sync: false,
    minLength: 4096,
    maxLength: bufferBytesMax,
    periodicFlush: gatherMs,
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
