/** `npm run docs`: writes the generated pages of `docs/reference`, and the snippets of the guide. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { referencePages } from "./pages.ts";
import { guidePages } from "./snippets.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = join(root, "docs/reference");

mkdirSync(folder, { recursive: true });
for (const { file, text } of referencePages()) writeFileSync(join(folder, file), text);
for (const { file, text } of guidePages()) writeFileSync(join(root, file), text);
