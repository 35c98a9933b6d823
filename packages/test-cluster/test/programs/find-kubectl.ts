/** The kubectl of the tests: a named one, one on the PATH, or Debian's newest, unpacked into a cache. */
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { serverCache, unpackNewest } from "@agentflow/bus/servers";

const run = promisify(execFile);
/** One minor version before the recorded server's: what Kubernetes promises of its clients. */
const oldestMinor = 35;
const installLine = "apt-get install kubectl/sid   (1.35 or newer; or name one in AF_TEST_KUBECTL)";

let found: Promise<string> | undefined;

/** Its path. Rejects when there is none and none can be had. */
export async function findKubectl(): Promise<string> {
  found ??= search();
  return found;
}

/** Why tests are skipped, or undefined when they run. Where `CI=true` a missing one is an error. */
export async function kubectlMissing(): Promise<string | undefined> {
  try {
    await findKubectl();
    return undefined;
  } catch (error) {
    const missing = `no kubectl: ${installLine}`;
    if (process.env["CI"] === "true") throw new Error(missing, { cause: error });
    return missing;
  }
}

async function search(): Promise<string> {
  const named = process.env["AF_TEST_KUBECTL"] ?? "kubectl";
  if (await isNewEnough(named)) return named;
  const folder = join(serverCache(), "kubectl");
  const cached = join(folder, "usr", "bin", "kubectl");
  const isThere = await access(cached).then(
    () => true,
    () => false,
  );
  if (!isThere) await unpackNewest("kubectl", folder);
  if (await isNewEnough(cached)) return cached;
  throw new Error(`the kubectl that could be had is older than 1.${oldestMinor}`);
}

async function isNewEnough(path: string): Promise<boolean> {
  try {
    const { stdout } = await run(path, ["version", "--client"]);
    const [, minor = "0"] = /v1\.(\d+)/.exec(stdout) ?? [];
    return Number(minor) >= oldestMinor;
  } catch {
    return false;
  }
}
