/**
 * The first thing that runs after a clone: plain JavaScript, no dependency, any Node from 20 up.
 * It installs what the lockfile names, finds Node 24, builds, and runs the named file under that Node.
 *
 *   node tools/bootstrap/main.js [--no-build] FILE [ARGUMENT...]
 *   node tools/bootstrap/main.js --build-only
 */
import { resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "./build.js";
import { Complaint } from "./complaint.js";
import { findNode } from "./find-node.js";
import { install } from "./install.js";
import { runUnder } from "./run-under.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Complaint)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** @param {readonly string[]} words */
async function main(words) {
  if (words[0] === "--build-only") {
    install(root);
    build(root, findNode(root));
    return 0;
  }
  const wantsBuild = words[0] !== "--no-build";
  const [file, ...rest] = wantsBuild ? words : words.slice(1);
  if (file === undefined)
    throw new Complaint("usage: node tools/bootstrap/main.js [--no-build] FILE [ARGUMENT...]");
  if (Number.parseInt(process.versions.node, 10) < 20) {
    throw new Complaint(
      `Node ${process.versions.node} is too old to start this. Install Node 24 (20 is enough on Linux).`,
    );
  }
  install(root);
  const node = findNode(root);
  if (wantsBuild) build(root, node);
  return runUnder(root, node, [resolve(root, file), ...rest]);
}
