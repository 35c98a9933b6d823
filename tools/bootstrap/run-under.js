import { spawn } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";

/**
 * Runs a file under the given Node and resolves to its exit code. Signals that ask this process to stop are
 * the child's to answer: a terminal has sent it SIGINT already, the others are passed on.
 * @param {string} root
 * @param {string} node
 * @param {readonly string[]} words
 * @returns {Promise<number>}
 */
export function runUnder(root, node, words) {
  const child = spawn(node, words, { cwd: root, stdio: "inherit", env: environment(root, node) });
  process.on("SIGINT", () => {});
  for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"])) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}

/**
 * The environment of every child: this Node, then the installed tools, come first on the PATH.
 * @param {string} root
 * @param {string} node
 */
export function environment(root, node) {
  const path = [dirname(node), join(root, "node_modules/.bin"), process.env.PATH ?? ""].join(delimiter);
  return { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
}
