/**
 * Writes `schemas/*.json` from the schemas in `src/schema`: `npm run schemas`. A test fails when it was
 * forgotten.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { jsonSchemaNames, jsonSchemaText } from "@agentflow/protocol/schema";

const folder = join(import.meta.dirname, "../schemas");

mkdirSync(folder, { recursive: true });
for (const name of jsonSchemaNames) writeFileSync(join(folder, `${name}.json`), jsonSchemaText(name));
