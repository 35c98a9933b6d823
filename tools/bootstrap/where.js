/**
 * `npm run -s where`: the folders to put first in PATH, so that `af` and a Node that it runs on are found.
 */
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { findNode } from "./find-node.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folders = [join(root, "node_modules", ".bin"), dirname(findNode(root))];
process.stdout.write(`${folders.join(delimiter)}\n`);
