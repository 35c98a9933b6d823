/** Takes the types off a project's files beside its runners, and remembers what it did. */
import { spawn } from "node:child_process";
import { hash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { stripperEntry } from "../entries.ts";
import { hashedFolders } from "../runner/code-hash.ts";
import { parseTexts } from "./parse-texts.ts";
import type { StrippedFiles } from "./stripped-files.ts";

const limits = { files: 2_000, bytes: 4 * 1024 * 1024, processMs: 5_000 } as const;

/**
 * A service, never a condition: a file that is missing in its answer is stripped by the runner itself. So
 * nothing here throws.
 */
export class TypeStripper {
  readonly #projectDir: string;
  #known: ReadonlyMap<string, string> = new Map();

  constructor(projectDir: string) {
    this.#projectDir = projectDir;
  }

  /** The project's files as they are now. Only what was not seen before costs a process. */
  async strip(): Promise<StrippedFiles> {
    try {
      const sources = await this.#read();
      const missing = [...sources].filter(([digest]) => !this.#known.has(digest));
      const fresh = missing.length === 0 ? [] : await stripApart(missing.map(([, source]) => source));
      const stripped = new Map(missing.map(([digest], at) => [digest, fresh[at] ?? undefined]));
      const now = [...sources.keys()].flatMap((digest): [string, string][] => {
        const code = this.#known.get(digest) ?? stripped.get(digest);
        return code === undefined ? [] : [[digest, code]];
      });
      this.#known = new Map(now);
    } catch {
      // The project changes while it is read, or no process can be had: the runner strips for itself.
    }
    return Object.fromEntries(this.#known);
  }

  async #read(): Promise<Map<string, string>> {
    const found = await Promise.all(
      hashedFolders.map((folder) => typescriptFiles(path.join(this.#projectDir, folder))),
    );
    const sources = new Map<string, string>();
    let bytes = 0;
    for (const file of found.flat().slice(0, limits.files)) {
      const source = await readFile(file);
      bytes += source.length;
      if (bytes > limits.bytes) break;
      sources.set(hash("sha256", source), source.toString("utf8"));
    }
    return sources;
  }
}

async function typescriptFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry): Promise<string[]> => {
      const inside = path.join(folder, entry.name);
      if (entry.name === "node_modules" || entry.name.startsWith(".")) return [];
      if (entry.isDirectory()) return typescriptFiles(inside);
      return entry.isFile() && /\.m?ts$/.test(entry.name) ? [inside] : [];
    }),
  );
  return found.flat();
}

async function stripApart(sources: readonly string[]): Promise<readonly (string | null)[]> {
  const child = spawn(process.execPath, [stripperEntry], {
    stdio: ["pipe", "pipe", "ignore"],
    timeout: limits.processMs,
    killSignal: "SIGKILL",
  });
  const failed = new Promise<never>((_resolve, reject) => child.once("error", reject));
  // Without a process there are no pipes either: then nobody comes to wait for it.
  failed.catch(() => {});
  // Its end before it has read everything is seen in what it says.
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify(sources));
  return parseTexts(await Promise.race([text(child.stdout), failed]));
}
