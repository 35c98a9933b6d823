/** Disks of a few megabytes, and how to fill them. */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import { afterEach } from "vitest";

/**
 * A disk of its own at a folder; undefined where this user may not make one. Call it after what opens
 * processes and scratch folders: a folder with a disk in it cannot be removed, so disks go first.
 */
export function smallDisks(): (dir: string, megabytes: number) => string | undefined {
  const mounted: string[] = [];
  afterEach(() => {
    for (const dir of mounted.splice(0)) spawnSync("/bin/umount", ["-l", dir]);
  });
  return (dir, megabytes) => {
    mkdirSync(dir, { recursive: true });
    const options = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "agentflow-e2e", dir];
    if (spawnSync("/bin/mount", options).status !== 0) return undefined;
    mounted.push(dir);
    return dir;
  };
}

/** Writes into the file until not a byte more fits. */
export function fill(file: string): void {
  for (let bytes = 1_048_576; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(bytes));
    } catch {
      // No room for so much: try with less.
    }
  }
}
