// node install.js FOLDER TARGET: the project's production dependencies, without those that `af` brings, which
// are linked to the ones of this image. FOLDER holds package.json and, when there is one, its lock file.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { npm } from "./npm.js";

/**
 * What cluster/src/image/dependencies.ts says.
 * @typedef {{ package: string | undefined, lock: string | undefined }} Texts
 * @typedef {{ package: string, lock: string | undefined, count: number }} Filtered
 * @typedef {{ withoutOurs: (texts: Texts) => Filtered }} Dependencies
 */

const ours = "/opt/agentflow/node_modules/@agentflow";
const [folder = "", target = ""] = process.argv.slice(2);
const modules = join(target, "node_modules");

mkdirSync(modules, { recursive: true });
if (existsSync(join(folder, "package.json"))) await install();
mkdirSync(join(modules, "@agentflow"), { recursive: true });
for (const name of readdirSync(ours)) symlinkSync(join(ours, name), join(modules, "@agentflow", name));

async function install() {
  const { withoutOurs } = /** @type {Dependencies} */ (
    await import(`${ours}/cluster/dist/image/dependencies.js`)
  );
  /** @param {string} name */
  const read = (name) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined;
  const files = withoutOurs({ package: read("package.json"), lock: read("package-lock.json") });
  if (files.count === 0) return;
  writeFileSync(join(folder, "package.json"), files.package);
  if (files.lock !== undefined) writeFileSync(join(folder, "package-lock.json"), files.lock);
  const words = [files.lock === undefined ? "install" : "ci", "--omit=dev", "--no-audit", "--no-fund"];
  npm(words, folder, ["/run/build/ca.pem", join(folder, "ca.pem")]);
  moveModules("");
}

/**
 * Also those of workspaces: npm puts there what the root has in another version.
 * @param {string} below
 */
function moveModules(below) {
  for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(below, entry.name);
    if (entry.name !== "node_modules") moveModules(path);
    else {
      mkdirSync(join(target, below), { recursive: true });
      renameSync(join(folder, path), join(target, path));
    }
  }
}
