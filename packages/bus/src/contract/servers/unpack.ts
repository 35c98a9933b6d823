/**
 * Programs of Debian's newest suite, unpacked into a folder of the user without touching the system. It
 * needs apt and dpkg, no root; static programs only, for they run on any older system.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const sourceFolders = ["/etc/apt", "/etc/apt/sources.list.d"];
const uriPattern = /^(?!\s*#).*?(https?:\/\/\S+\/debian\/?)(?=\s|$)/m;

/** Where programs of tests are kept between runs. */
export function serverCache(): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(cache, "agentflow", "servers");
}

/** Unpacks the newest package into `folder`, which appears whole or not at all. */
export async function unpackNewest(name: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "agentflow-unpack-"));
  try {
    const apt = await aptOf(work);
    await run("apt-get", [...apt, "update"], { cwd: work });
    await run("apt-get", [...apt, "download", name], { cwd: work });
    const deb = (await readdir(work)).find((file) => file.endsWith(".deb"));
    if (deb === undefined) throw new Error(`apt-get downloaded no package ${name}`);
    await mkdir(join(folder, ".."), { recursive: true });
    const fresh = await mkdtemp(`${folder}-`);
    await run("dpkg", ["-x", join(work, deb), fresh]);
    // Two test files may do this at once: whoever comes second leaves the first one's work alone.
    await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Lists and cache below `work`, and one source: the machine's own mirror, at the newest suite. */
async function aptOf(work: string): Promise<string[]> {
  await mkdir(join(work, "lists", "partial"), { recursive: true });
  await mkdir(join(work, "cache", "archives", "partial"), { recursive: true });
  const list = join(work, "newest.list");
  await writeFile(list, `deb [signed-by=${keyring}] ${await mirror()} sid main\n`);
  const options = [
    `Dir::Etc::SourceList=${list}`,
    "Dir::Etc::SourceParts=-",
    `Dir::State::Lists=${join(work, "lists")}`,
    `Dir::Cache=${join(work, "cache")}`,
    "Dir::State::status=/dev/null",
    "APT::Sandbox::User=",
  ];
  return ["-qq", ...options.flatMap((option) => ["-o", option])];
}

async function mirror(): Promise<string> {
  for (const folder of sourceFolders) {
    for (const file of await readdir(folder).catch(() => [])) {
      if (!/\.(list|sources)$/.test(file)) continue;
      const uri = uriPattern.exec(await readFile(join(folder, file), "utf8"))?.[1];
      if (uri !== undefined) return uri;
    }
  }
  throw new Error("this machine has no Debian source");
}
