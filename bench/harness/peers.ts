/** What the peers need on this machine: npm packages below bench/, servers of the system. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../lib/children.ts";
import type { System } from "./adapter.ts";

export interface Missing {
  readonly why: string;
  /** The line that would install it. */
  readonly install: string;
}

const debian: { readonly [program: string]: string } = {
  "redis-server": "redis-server",
  postgres: "postgresql",
};

/** Installs what may be installed without asking; says what a system still misses, or nothing. */
export function prepare(system: System): Missing | undefined {
  const { packages, programs } = system.needs;
  if (packages.length > 0) installPackages();
  const lost = packages.find((name) => !existsSync(path.join(ROOT, "node_modules", name)));
  if (lost !== undefined) return { why: `${lost} is not installed`, install: "npm ci --prefix bench" };
  for (const program of programs) {
    const missing = hasProgram(program) ? undefined : installProgram(program);
    if (missing !== undefined) return missing;
  }
  return undefined;
}

/** `npm ci` in bench/, once for each lockfile. Packages with install scripts work without them here. */
function installPackages(): void {
  const stamp = path.join(ROOT, "node_modules/.bench-lock-sha256");
  const lock = createHash("sha256")
    .update(readFileSync(path.join(ROOT, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  process.stderr.write("Installing the peers (npm ci in bench/) ...\n");
  const words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", ROOT];
  const done = spawnSync("npm", words, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  if (done.status === 0) writeFileSync(stamp, lock);
}

function installProgram(program: string): Missing | undefined {
  const name = debian[program];
  if (name === undefined)
    return { why: `${program} is not on the PATH`, install: `put ${program} on the PATH` };
  const install = `apt-get install -y ${name}`;
  if (process.getuid?.() === 0 || process.env["AF_TEST_INSTALL"] === "1") {
    process.stderr.write(`Installing ${name} ...\n`);
    spawnSync("apt-get", ["install", "-y", name], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  }
  return hasProgram(program) ? undefined : { why: `${program} is not installed`, install };
}

function hasProgram(program: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  if (program === "postgres") folders.push(...postgresFolders());
  return folders.some((folder) => existsSync(path.join(folder, program)));
}

/** Debian keeps the server off the PATH. */
function postgresFolders(): string[] {
  const base = "/usr/lib/postgresql";
  return existsSync(base) ? readdirSync(base).map((version) => path.join(base, version, "bin")) : [];
}
