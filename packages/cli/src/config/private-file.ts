/** Small files that only their owner may read: written whole or not at all, refused when open to others. */
import { AgentFlowError } from "@agentflow/protocol";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { dirname } from "node:path";

const fileBytesMax = 1024 * 1024;

/** Undefined when there is none. Refuses what is no plain file, another user's, or open to others. */
export function readPrivate(file: string): string | undefined {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile()) throw refuse(file, "is no plain file", `rm ${file}`);
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { mode, uid, size } = fstatSync(fd);
    const own = userInfo().uid;
    if (uid !== own && own !== 0) throw refuse(file, "belongs to another user", `chown it, or rm ${file}`);
    if ((mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(3, "0");
      throw refuse(
        file,
        `can be read by others (mode ${shown}), so the token in it is no secret`,
        `chmod 600 ${file}`,
      );
    }
    if (size > fileBytesMax) throw refuse(file, "is larger than such a file may be", `rm ${file}`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** Takes the place of what was there in one move; what a reader sees is the old file or the new one. */
export function writeWhole(file: string, text: string, mode = 0o600): void {
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // What lies there may be a link, or open to others: it is never written to.
    rmSync(temporary, { force: true });
    const fd = openSync(temporary, "wx", mode);
    try {
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, file);
  } catch (cause) {
    rmSync(temporary, { force: true });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AgentFlowError("unavailable", `a file cannot be written: ${why}`, {
      reason: "not_writable",
      details: { where: file },
      cause,
      suggestions: ["free some space, or correct the folder's rights", "af doctor"],
    });
  }
}

/** Undefined when there is none, or when it cannot be read. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function refuse(file: string, why: string, next: string): AgentFlowError {
  return new AgentFlowError("refused", `${file} ${why}`, {
    reason: "not_private",
    details: { where: file },
    suggestions: [next],
  });
}
