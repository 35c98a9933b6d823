// node assemble.js CONTEXT TARGET: puts `af` and what it needs in its place, in the first stage of the images
// of control plane and worker. The context is an `af` that was taken apart already (`app/`), or a clone.
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { npm } from "./npm.js";

/**
 * What cluster/src/image/installed.ts says.
 * @typedef {{ installedFiles: (cli: string) => { path: string, from: { file: string } }[] }} Installed
 */

const [context = "", target = ""] = process.argv.slice(2);

if (existsSync(join(context, "app"))) cpSync(join(context, "app"), target, { recursive: true });
else await fromClone();
for (const file of ["folders.js", "health.js", "install.js", "npm.js"]) {
  cpSync(join(context, "deploy", "docker", file), join(target, file));
}

async function fromClone() {
  npm(["ci", "--no-audit", "--no-fund"], context);
  npm(["run", "build"], context);
  const { installedFiles } = /** @type {Installed} */ (
    await import(join(context, "packages/cluster/dist/image/installed.js"))
  );
  for (const { path, from } of installedFiles(join(context, "packages/cli"))) {
    const to = join(target, path.replace(/^app\//, ""));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from.file, to);
  }
}
