import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { Complaint } from "./complaint.js";

/**
 * Makes node_modules what package-lock.json says, by `npm ci`; does nothing when it already is.
 * Refuses, with npm's own words, when npm cannot.
 * @param {string} root
 * @param {(line: string) => void} [say]
 */
export function install(root, say = (line) => process.stderr.write(`${line}\n`)) {
  if (isInstalled(root)) return;
  say("Installing dependencies as package-lock.json names them (npm ci) ...");
  const started = performance.now();
  // npm would warn that this Node is older than the packages want; the one they will run under comes along.
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  // NODE_ENV=production would leave out the tools, and with them Node itself.
  const all = ["--include=dev", "--include=optional"];
  const [command, ...head] = npmCommand();
  const done = spawnSync(command, [...head, "ci", ...quiet, ...all], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (done.error || done.status !== 0) throw new Complaint(explain(done));
  stamp(root);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(`Installed in ${seconds} s.`);
}

/**
 * True when node_modules was made from this very lockfile. Without our stamp (someone typed `npm install`)
 * npm's own record of what lies there is compared, so that nobody's tree is wiped for nothing.
 * @param {string} root
 */
export function isInstalled(root) {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  const stampFile = stampPath(root);
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === hash(lock)) return true;
  const recordFile = join(root, "node_modules/.package-lock.json");
  if (!existsSync(recordFile)) return false;
  if (!isSameTree(packagesOf(lock), packagesOf(readFileSync(recordFile, "utf8")))) return false;
  stamp(root);
  return true;
}

/** @typedef {{version?: string, integrity?: string, optional?: boolean, bin?: object}} Locked */

/**
 * True when all that is wanted is there in that very version, and nothing else; what is optional (a binary
 * for another system) may be missing.
 * @param {Record<string, Locked>} wanted
 * @param {Record<string, Locked>} present
 */
export function isSameTree(wanted, present) {
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = present[path];
    if (found === undefined && entry.optional === true) continue;
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) return false;
    // A command that came with the new lockfile has no link yet.
    if (JSON.stringify(found?.bin) !== JSON.stringify(entry.bin)) return false;
  }
  return Object.keys(present).every((path) => path in wanted);
}

/** @param {string} text */
function packagesOf(text) {
  const file = /** @type {{packages: Record<string, Locked>}} */ (JSON.parse(text));
  return file.packages;
}

/** @param {string} root */
function stamp(root) {
  writeFileSync(stampPath(root), hash(readFileSync(join(root, "package-lock.json"), "utf8")));
}

/** @param {string} root */
function stampPath(root) {
  return join(root, "node_modules/.agentflow-lock-sha256");
}

/** @param {string} text */
function hash(text) {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * The npm that started us, else the one on the PATH.
 * @returns {[string, ...string[]]}
 */
function npmCommand() {
  const started = process.env.npm_execpath;
  if (started !== undefined && /^npm-cli\.c?js$/.test(basename(started))) return [process.execPath, started];
  return ["npm"];
}

/** @param {import("node:child_process").SpawnSyncReturns<string>} done */
function explain(done) {
  if (done.error) return `npm could not be started: ${done.error.message}. It comes with Node.`;
  // npm names the cause first and closes with pages of usage.
  const said = `${done.stdout}${done.stderr}`.trim().split("\n").slice(0, 12).join("\n");
  return `${said}\nnpm ci failed (exit ${done.status}), so nothing was run. Mend that and try again.`;
}
