import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
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
    if (linksOf(`/proc/${name}/fd`).includes(wanted)) return { pid: Number(name), command: commandOf(name) };
  }
  return undefined;
}

/** The project of an `af dev`; of anything else the program and what it was given, without its switches. */
function commandOf(pid: string): string {
  const [folder] = linksIn(`/proc/${pid}`, ["cwd"]);
  if (folder !== undefined && readDevFile(folder)?.pid === Number(pid)) return `af dev of ${folder}`;
  const [program = "", ...words] = linesOf(`/proc/${pid}/cmdline`).join(" ").split("\0");
  return [basename(program), ...words.filter((word) => !word.startsWith("-"))].join(" ").trim().slice(0, 80);
}

function linksOf(folder: string): string[] {
  try {
    return linksIn(folder, readdirSync(folder));
  } catch {
    return [];
  }
}

function linksIn(folder: string, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      return [];
    }
  });
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}
