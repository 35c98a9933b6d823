/** `npm run docs`: writes the pages of `docs/reference`, the compose file, the snippets of the guide. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { composeFile } from "./compose.ts";
import { referencePages } from "./pages.ts";
import { guidePages } from "./snippets.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = join(root, "docs/reference");

mkdirSync(folder, { recursive: true });
for (const { file, text } of referencePages()) writeFileSync(join(folder, file), text);
for (const { file, text } of guidePages()) writeFileSync(join(root, file), text);
const compose = await composeFile();
writeFileSync(join(root, compose.file), compose.text);
