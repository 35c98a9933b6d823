import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { Complaint } from "./complaint.js";

const oldest = { major: 24, minor: 11 };

/**
 * The Node that everything of ours runs under: the one npm installed (Linux, x64 and arm64), else the one
 * that runs this, when it is 24.11 or newer. Refuses with the line that mends it.
 * @param {string} root
 */
export function findNode(root) {
  const shipped = join(root, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  if (existsSync(shipped) && isNewEnough(versionOf(shipped))) return shipped;
  if (isNewEnough(process.versions.node)) return process.execPath;
  const where = process.platform === "darwin" ? "brew install node@24" : "https://nodejs.org/en/download";
  throw new Complaint(
    `AgentFlow needs Node ${oldest.major}.${oldest.minor} or newer and found ${process.versions.node}.\n` +
      `npm has no Node 24 package for ${process.platform}-${process.arch}, so please install it: ${where}`,
  );
}

/**
 * True for 24.11 and all that came after it.
 * @param {string} version
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > oldest.major || (major === oldest.major && minor >= oldest.minor);
}

/** @param {string} binary */
function versionOf(binary) {
  // A binary for another C library is there and still cannot run; then it has no version.
  const asked = spawnSync(binary, ["--version"], { encoding: "utf8", timeout: 10_000 });
  return asked.status === 0 ? asked.stdout.trim().replace(/^v/, "") : "0";
}
