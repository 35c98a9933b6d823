/** What every server process lives in. Processes that must start fast import the subpaths instead. */
export * from "./clock.ts";
export * from "./config/index.ts";
export * from "./flags.ts";
export * from "./health.ts";
export * from "./log/index.ts";
export * from "./metrics/index.ts";
export * from "./spans/index.ts";
export * from "./stop.ts";
