import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// `npm run test:cluster` tells one story to a cluster, and nothing else.
const cluster = process.env["AF_TEST_CLUSTER"] === "1";
// Long tests run real servers and kill them for minutes; `npm run test:long` runs them and nothing else.
const long = process.env["AF_TEST_LONG"] === "1";
const homes = ["packages/*/src", "packages/*/test", "tools", "bench", "examples"];
const longTests = homes.map((home) => `${home}/**/*.long.test.ts`);
const clusterTests = homes.map((home) => `${home}/**/*.cluster.test.ts`);
const tests = homes.map((home) => `${home}/**/*.test.ts`);

export default defineConfig({
  resolve: { conditions: ["@agentflow/source"] },
  ssr: { resolve: { conditions: ["@agentflow/source"] } },
  test: {
    include: cluster ? clusterTests : long ? longTests : tests,
    exclude: [
      "**/node_modules/**",
      "**/dist/**",
      ...(long ? [] : longTests),
      ...(cluster ? [] : clusterTests),
    ],
    disableConsoleIntercept: true,
    // Most of them wait for processes and engines: two at a time also where there are two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: long ? 600_000 : 60_000,
    hookTimeout: long ? 120_000 : 60_000,
  },
});
