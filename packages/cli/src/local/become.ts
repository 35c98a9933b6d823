/**
 * `af dev` lives long, and its command line is read once: what read it gives its place, the process id
 * included, to a Node that has loaded nothing of it and whose heap grows in small steps from the beginning.
 */
import { flushCompileCache, getCompileCacheDir } from "node:module";
import { fileURLToPath } from "node:url";
import type { DevOptions } from "./dev-options.ts";

/**
 * 8 MiB a half is the end of what `boundHeap` lets the young generation grow to under load. One thread beside
 * ours collects and compiles: each more costs a megabyte, and on few cores it takes what it gives.
 */
const heapFlags = ["--max-semi-space-size=8", "--v8-pool-size=1"] as const;

/** Runs until it is told to stop; the exit code where a process cannot be replaced, else it never returns. */
export async function runDev(options: DevOptions): Promise<number> {
  if (process.execve === undefined || process.platform === "win32") {
    const dev = await import("./dev.ts");
    return dev.runDev(options);
  }
  const { write: _here, ...told } = { ...options, ...compileCache() };
  const entry = fileURLToPath(new URL("./main.js", import.meta.url));
  const words = process.argv.slice(2);
  // What is not written now would be compiled again at each start.
  flushCompileCache();
  return process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...heapFlags, entry, JSON.stringify(told), ...words],
    process.env,
  );
}

/**
 * For supervisor and runners. `af dev` itself goes without: Node keeps what it read there for good, which is
 * 4 MB for 50 ms once.
 */
function compileCache(): Pick<DevOptions, "compileCache"> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { compileCache: folder };
}
