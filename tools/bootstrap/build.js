import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Complaint } from "./complaint.js";
import { environment } from "./run-under.js";

/**
 * Compiles every package to its dist folder; what is up to date is left alone (the compiler's own check,
 * a tenth of a second). Refuses with the compiler's findings.
 * @param {string} root
 * @param {string} node
 */
export function build(root, node) {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const done = spawnSync(node, [tsc, "-b"], {
    cwd: root,
    encoding: "utf8",
    env: environment(root, node),
    maxBuffer: 64 * 1024 * 1024,
  });
  if (done.error) throw new Complaint(`The compiler could not be started: ${done.error.message}`);
  if (done.status !== 0)
    throw new Complaint(`${done.stdout}${done.stderr}The build failed, so nothing was run.`);
}
