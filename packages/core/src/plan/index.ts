export { planDefaults, planLimits } from "./limits.ts";
export type { Formula, Reads, StepRead } from "./formula.ts";
export { type PreparedCatch, type PreparedJoin, type PreparedPlan, type PreparedStep, preparePlan } from "./prepare.ts";
