/** `.agentflow/secrets.json`: read only when nobody else can read it, written whole, by one at a time. */
import { AgentFlowError, type Instant, type SecretName } from "@agentflow/protocol";
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
} from "node:fs";
import { readFileSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import path from "node:path";
import { parseSecretFile, type StoredSecrets, writeSecretFile } from "./parse-secret-file.ts";
import { type LockOptions, withLock } from "./secret-lock.ts";

export const secretLimits = {
  valueBytesMax: 64 * 1024,
  secretsMax: 1_000,
  /** All values together. */
  fileBytesMax: 1024 * 1024,
} as const;

/** Where a project's own secrets lie. */
export function secretFileOf(projectDir: string): string {
  return path.join(projectDir, ".agentflow", "secrets.json");
}

/** Empty when there is no file. Refuses one that others could read or change, and one that lies elsewhere. */
export function readSecretFile(file: string): StoredSecrets {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return new Map();
  const real = found.isSymbolicLink() ? inside(file) : file;
  const fd = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { mode, uid, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refuse(file, "is no file", `rm ${file}`);
    checkOwner(file, { mode, uid });
    // JSON may write a letter in six.
    if (size > 8 * secretLimits.fileBytesMax)
      throw refuse(file, "is larger than secrets may be", `rm ${file}`);
    return parseSecretFile(readFileSync(fd, "utf8"), file);
  } finally {
    closeSync(fd);
  }
}

/** Sets one secret beside the others, whoever sets another at the same time. Refuses what is over a limit. */
export async function setSecret(
  file: string,
  secret: { readonly name: SecretName; readonly value: string; readonly setAt: Instant },
  lock: LockOptions,
): Promise<void> {
  const { name, value, setAt } = secret;
  checkValue(name, value);
  await change(file, lock, (secrets) => {
    const next = new Map(secrets).set(name, { value, setAt });
    if (next.size > secretLimits.secretsMax) {
      throw limit(`there are ${secretLimits.secretsMax} secrets already`, "af secrets rm NAME");
    }
    let bytes = 0;
    for (const one of next.values()) bytes += Buffer.byteLength(one.value);
    if (bytes > secretLimits.fileBytesMax)
      throw limit("all secrets together are over 1 MiB", "af secrets rm NAME");
    return next;
  });
}

/** False when there was none of that name. */
export async function removeSecret(file: string, name: SecretName, lock: LockOptions): Promise<boolean> {
  let was = false;
  await change(file, lock, (secrets) => {
    const next = new Map(secrets);
    was = next.delete(name);
    return next;
  });
  return was;
}

export function checkValue(name: SecretName, value: string): void {
  if (value === "") throw invalid(`the value of ${name} is empty`, "empty_value");
  if (value.includes("\0"))
    throw invalid(`the value of ${name} holds a zero byte: it is no text`, "not_text");
  const bytes = Buffer.byteLength(value);
  if (bytes > secretLimits.valueBytesMax) {
    throw limit(`the value of ${name} is ${bytes} bytes, over 64 KiB`, "keep big data in a file or a store");
  }
}

async function change(
  file: string,
  lock: LockOptions,
  edit: (secrets: StoredSecrets) => StoredSecrets,
): Promise<void> {
  const folder = path.dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  // So that a folder made for this alone is not committed either.
  writeFileSync(path.join(folder, ".gitignore"), "*\n");
  await withLock(path.join(folder, "secrets.lock"), lock, (stillOurs) => {
    removeLeftovers(file);
    const text = writeSecretFile(edit(readSecretFile(file)));
    const temporary = `${file}.${process.pid}`;
    try {
      const fd = openSync(temporary, "wx", 0o600);
      try {
        writeFileSync(fd, text);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      stillOurs();
      renameSync(temporary, file);
    } finally {
      rmSync(temporary, { force: true });
    }
  });
}

/** What one that was killed had written and not put in place: removed secrets may stand in it. */
function removeLeftovers(file: string): void {
  const folder = path.dirname(file);
  const name = path.basename(file);
  for (const found of readdirSync(folder)) {
    const isLeft = found.startsWith(`${name}.`) && /^[0-9]+$/.test(found.slice(name.length + 1));
    if (isLeft) rmSync(path.join(folder, found), { force: true });
  }
}

/** Where the link leads, if that is beside it. */
function inside(file: string): string {
  const folder = realpathSync(path.dirname(file));
  let real: string;
  try {
    real = realpathSync(file);
  } catch {
    throw refuse(file, "is a link to nothing", `rm ${file}`);
  }
  if (path.dirname(real) === folder) return real;
  throw refuse(file, "is a link out of its folder", `rm ${file}, then set the secrets again`);
}

function checkOwner(file: string, { mode, uid }: { readonly mode: number; readonly uid: number }): void {
  const own = userInfo().uid;
  if (uid !== own && own !== 0) throw refuse(file, "belongs to another user", `chown it, or rm ${file}`);
  if ((mode & 0o077) === 0) return;
  const shown = (mode & 0o777).toString(8).padStart(3, "0");
  throw refuse(file, `can be read by others (mode ${shown}), so it is no secret`, `chmod 600 ${file}`);
}

function refuse(file: string, why: string, next: string): AgentFlowError {
  return new AgentFlowError("refused", `${file} ${why}`, {
    reason: "secrets_not_private",
    suggestions: [next],
  });
}

function invalid(message: string, reason: string): AgentFlowError {
  return new AgentFlowError("invalid_input", message, { reason });
}

function limit(message: string, next: string): AgentFlowError {
  return new AgentFlowError("limit_exceeded", message, { reason: "secret_limit", suggestions: [next] });
}
