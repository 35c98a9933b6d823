/** The pure engine: definitions become plans, and plans become runs. The parts stand in `./run`, `./plan`, `./planner`, `./expr`. */
export * from "./plan/index.ts";
export * from "./planner/index.ts";
export * from "./run/index.ts";
