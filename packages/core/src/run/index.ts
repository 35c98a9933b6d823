export { type Answer, type DecideOptions, type Decided, decide } from "./decide.ts";
export { evolve, evolveCommit, fold } from "./evolve.ts";
export type { ExplainContext } from "./explain-context.ts";
export { explainRun } from "./explain.ts";
export { runLimits } from "./limits.ts";
export { openCommands } from "./open-commands.ts";
export * from "./state.ts";
export { unknownStep } from "./unknown.ts";
export { type LogEntry, type ViewOptions, viewRun } from "./view.ts";
