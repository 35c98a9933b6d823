import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { readDevFile } from "../config/installation.ts";
import type { Check, Examined } from "./check.ts";

const defaultPort = 4180;
const listening = "0A";

/** Whether the usual port is free, and who holds it if not. */
export function portCheck({ project }: Examined): Check {
  const own = project === undefined ? undefined : readDevFile(project);
  const inode = inodeOf(defaultPort);
  if (inode === undefined) return { name: "port", state: "good", fact: `${defaultPort} is free` };
  const holder = holderOf(inode);
  if (own !== undefined && new URL(own.url).port === String(defaultPort) && holder?.pid === own.pid) {
    return {
      name: "port",
      state: "good",
      fact: `${defaultPort} is held by this project's af dev (process ${own.pid})`,
    };
  }
  const who =
    holder === undefined ? "a process of another user" : `${holder.command} (process ${holder.pid})`;
  return {
    name: "port",
    state: "note",
    fact: `${defaultPort} is held by ${who}; af dev takes another one by itself`,
    fix: "af dev --port 4200",
  };
}

/** Who listens on a port of this machine, as far as this user may see it. */
export function holderOfPort(port: number): { readonly pid: number; readonly command: string } | undefined {
  const inode = inodeOf(port);
  return inode === undefined ? undefined : holderOf(inode);
}

/** The inode of the socket that listens on this port. Linux says it; elsewhere nobody is found. */
function inodeOf(port: number): string | undefined {
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of linesOf(file)) {
      const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === listening && Number.parseInt(local.split(":")[1] ?? "", 16) === port) return inode;
    }
  }
  return undefined;
}

function holderOf(inode: string): { pid: number; command: string } | undefined {
  const wanted = `socket:[${inode}]`;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    if (linksOf(`/proc/${name}/fd`).includes(wanted)) {
      const command = linesOf(`/proc/${name}/cmdline`).join(" ").replaceAll("\0", " ").trim().slice(0, 80);
      return { pid: Number(name), command };
    }
  }
  return undefined;
}

function linksOf(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(`${folder}/${name}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
