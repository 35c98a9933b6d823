/**
 * `npm test [FILTER...]`, `npm run test:long` and `npm run test:cluster`: runs the tests and closes with the
 * plain line `N passed, N failed`. Exits 1 when a test failed, a file did not load, or nothing ran at all.
 */
import { startVitest } from "vitest/node";
import { closingLine, countOutcomes, exitCodeOf } from "./outcome.ts";

const words = process.argv.slice(2);
const long = words.includes("--long");
const cluster = words.includes("--cluster");
const filters = words.filter((word) => !word.startsWith("--"));
if (long) process.env["AF_TEST_LONG"] = "1";
if (cluster) process.env["AF_TEST_CLUSTER"] = "1";

// The story takes minutes: each of its steps is told when it has ended.
const vitest = await startVitest(filters, {
  watch: false,
  passWithNoTests: true,
  ...(cluster ? { reporters: ["verbose"] } : {}),
});
const outcome = countOutcomes(vitest.state.getTestModules(), vitest.state.getUnhandledErrors());
await vitest.close();

process.stdout.write(`\n${closingLine(outcome)}\n`);
// Explicit: a handle that a failed test left open must not keep the whole suite waiting.
process.exit(exitCodeOf(outcome));
