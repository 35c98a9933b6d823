/** Types, ids, subjects and errors: importable without zod. The schemas stand in `./schemas`. */
export * from "./api/installation.ts";
export * from "./api/runs.ts";
export * from "./api/socket.ts";
export * from "./duration.ts";
export * from "./errors.ts";
export * from "./events/commit.ts";
export * from "./events/run.ts";
export * from "./ids.ts";
export * from "./input.ts";
export * from "./json.ts";
export * from "./plan.ts";
export * from "./subjects.ts";
export * from "./task.ts";
export * from "./telemetry.ts";
export * from "./worker.ts";
export * from "./workflow.ts";
