/** The pure engine: definitions become plans, and plans become runs. Expressions stand in `./expr`. */
export * from "./plan/index.ts";
export * from "./planner/index.ts";
export * from "./run/index.ts";
