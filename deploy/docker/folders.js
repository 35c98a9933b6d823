// Makes the folders that volumes are mounted at, for the user that everything runs as: a fresh volume takes
// its owner from what it covers.
import { chownSync, mkdirSync } from "node:fs";

/**
 * What cluster/src/model/paths.ts says.
 * @typedef {{ imageFolders: readonly string[] }} Paths
 */

const paths = new URL("node_modules/@agentflow/cluster/dist/model/paths.js", import.meta.url);
const { imageFolders } = /** @type {Paths} */ (await import(paths.href));

for (const folder of imageFolders) {
  mkdirSync(folder, { recursive: true });
  chownSync(folder, 1000, 1000);
}
