import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Stop, Timers } from "../clock.ts";
import type { Output } from "../log/outputs.ts";

export interface RotatingFileOptions {
  readonly path: string;
  readonly timers: Timers;
  /** A file is closed at this size (10 MiB). */
  readonly bytesMax?: number;
  /** Files kept, the current one included (5): `x.log`, then `x.log.1` (newest) to `x.log.4`. */
  readonly filesMax?: number;
}

const gatherMs = 100;
const gatherBytes = 64 * 1024;

/**
 * Lines to a file that only its owner can read, rotated by size, at most `filesMax` files. A full disk
 * loses lines, not the process; the loss is written down once there is room again.
 */
export function toRotatingFile(options: RotatingFileOptions): Output {
  const { path, timers, bytesMax = 10 * 1024 * 1024, filesMax = 5 } = options;
  mkdirSync(dirname(path), { recursive: true });
  let file = openLog(path);
  let pending: string[] = [];
  let pendingBytes = 0;
  let lostLines = 0;
  let stopTimer: Stop | undefined;
  let closed = false;

  const flush = (): void => {
    stopTimer?.();
    stopTimer = undefined;
    if (pending.length === 0) return;
    // The empty line ends what a failed write may have left half-written.
    const lines = lostLines > 0 ? ["", lossLine(lostLines), ...pending] : pending;
    const count = pending.length;
    pending = [];
    pendingBytes = 0;
    try {
      file.bytes += writeAll(file.fd, Buffer.from(`${lines.join("\n")}\n`));
      lostLines = 0;
    } catch {
      lostLines += count;
    }
  };
  const rotate = (): void => {
    flush();
    const old = file.fd;
    // The old file is closed last: when this fails half-way, lines still have a file of ours to go to.
    shift(path, filesMax);
    file = openLog(path);
    closeSync(old);
  };
  return {
    write(line) {
      if (closed) return;
      const bytes = Buffer.byteLength(line) + 1;
      if (file.bytes > 0 || pending.length > 0) {
        if (file.bytes + pendingBytes + bytes > bytesMax) rotate();
      }
      pending.push(line);
      pendingBytes += bytes;
      if (pendingBytes >= gatherBytes) flush();
      else stopTimer ??= timers.after(gatherMs, flush, { background: true });
    },
    flushSync: flush,
    close() {
      if (closed) return;
      flush();
      closed = true;
      closeSync(file.fd);
    },
  };
}

function openLog(path: string): { readonly fd: number; bytes: number } {
  const fd = openSync(path, "a", 0o600);
  return { fd, bytes: fstatSync(fd).size };
}

function shift(path: string, filesMax: number): void {
  if (filesMax <= 1) {
    rmSync(path, { force: true });
    return;
  }
  rmSync(`${path}.${filesMax - 1}`, { force: true });
  for (let n = filesMax - 2; n >= 0; n--) renameIfThere(n === 0 ? path : `${path}.${n}`, `${path}.${n + 1}`);
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

function writeAll(fd: number, bytes: Buffer): number {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  return bytes.length;
}

function lossLine(lines: number): string {
  return JSON.stringify({
    v: 1,
    kind: "log",
    level: "warn",
    message: "log lines were lost",
    fields: { lines },
  });
}
