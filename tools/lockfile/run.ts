/** `npm run lockfile`: after an `npm install`, names in package-lock.json what the registry did not offer. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { completeLock, missingFrom } from "./complete.ts";
import { readLock } from "./parse-lock.ts";

const file = resolve(import.meta.dirname, "../../package-lock.json");
const lock = readLock(file);
const missing = missingFrom(lock);
if (missing.length > 0) writeFileSync(file, `${JSON.stringify(completeLock(lock), null, 2)}\n`);
for (const { name, version, wantedBy } of missing) {
  process.stdout.write(`added ${name} ${version} for ${wantedBy}\n`);
}
