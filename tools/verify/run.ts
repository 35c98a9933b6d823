/**
 * `npm run verify`: types, then format, lint, tidy and knip, then the tests. Every part runs though an
 * earlier one failed, so that one round shows all there is to mend. `--no-tests` (`npm run check`) stops
 * before the tests.
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { type Part, runParts, summary } from "./parts.ts";

const root = resolve(import.meta.dirname, "../..");

// These read nothing but the checkout, so turbo may answer from its cache. Tests depend on the machine.
const cached = ["//#format:check", "//#lint", "//#tidy", "//#knip"];
const turboFlags = ["--continue=always", "--output-logs=errors-only", "--log-order=grouped"];

const parts: readonly Part[] = [
  { name: "types", command: ["tsc", "-b"] },
  { name: "format, lint, tidy, knip", command: ["turbo", "run", ...cached, ...turboFlags] },
  { name: "tests", command: ["node", "tools/test/run.ts"] },
];

const chosen = process.argv.includes("--no-tests") ? parts.filter(({ name }) => name !== "tests") : parts;
const results = runParts(chosen, {
  run: ([file, ...words]) => spawnSync(file, words, { cwd: root, stdio: "inherit" }).status ?? 1,
  say: (line) => process.stdout.write(`${line}\n`),
  nowMs: () => performance.now(),
});

process.stdout.write(`\n${summary(results)}\n`);
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
