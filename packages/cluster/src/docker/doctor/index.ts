export type { EngineCheck } from "./check.ts";
export { type Examined, type ExamineOptions, examineEngine } from "./examine.ts";
export type { ExaminedTarget } from "./target.ts";
export { type PartOptions, partChecks } from "./parts.ts";
