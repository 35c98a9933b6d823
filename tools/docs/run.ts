/** `npm run docs`: writes the generated pages of `docs/reference`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { referencePages } from "./pages.ts";

const folder = resolve(import.meta.dirname, "../../docs/reference");

mkdirSync(folder, { recursive: true });
for (const { file, text } of referencePages()) writeFileSync(join(folder, file), text);
