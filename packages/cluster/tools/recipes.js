// Before packing: the Dockerfiles, which stand at the root of the repository, travel inside this package.
// After it (--remove) the copy goes away again, so that nobody edits or uses the wrong one.
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const from = fileURLToPath(new URL("../../../deploy/docker", import.meta.url));
const to = fileURLToPath(new URL("../docker", import.meta.url));

rmSync(to, { recursive: true, force: true });
if (!process.argv.includes("--remove")) cpSync(from, to, { recursive: true });
