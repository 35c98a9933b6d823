/** Where the nats-server of the tests is: on the PATH, in the user's cache, or fetched into it. */
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { serverCache, unpackNewest } from "./unpack.ts";

const run = promisify(execFile);
const oldest = [2, 12] as const;
const installLine = "apt-get install nats-server/sid   (2.12 or newer; or put one on the PATH)";

let found: Promise<string> | undefined;

/** The path of a nats-server of 2.12 or newer. Rejects when there is none and none can be had. */
export function findNatsServer(): Promise<string> {
  found ??= search();
  return found;
}

/**
 * Why the suites that need one are skipped, or undefined when they run. Where `CI=true` a missing server is
 * an error: a suite that is skipped there would never be noticed.
 */
export async function natsServerMissing(): Promise<string | undefined> {
  try {
    await findNatsServer();
    return undefined;
  } catch (error) {
    const missing = `no nats-server: ${installLine}`;
    if (process.env["CI"] === "true") throw new Error(missing, { cause: error });
    return missing;
  }
}

async function search(): Promise<string> {
  if (await isNewEnough("nats-server")) return "nats-server";
  const folder = join(serverCache(), "nats-server");
  const cached = join(folder, "usr", "sbin", "nats-server");
  if (!(await isThere(cached))) await unpackNewest("nats-server", folder);
  if (await isNewEnough(cached)) return cached;
  throw new Error(`the nats-server that could be had is older than ${oldest.join(".")}`);
}

async function isNewEnough(path: string): Promise<boolean> {
  try {
    const { stdout } = await run(path, ["--version"]);
    const [, major = "0", minor = "0"] = /v(\d+)\.(\d+)/.exec(stdout) ?? [];
    const ahead = Number(major) - oldest[0];
    return ahead > 0 || (ahead === 0 && Number(minor) >= oldest[1]);
  } catch {
    return false;
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
