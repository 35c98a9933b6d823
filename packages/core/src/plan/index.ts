export { planDefaults, planLimits } from "./limits.ts";
export type { Formula, Reads, StepRead } from "./formula.ts";
export {
  type PreparedCatch,
  type PreparedJoin,
  type PreparedPlan,
  type PreparedStep,
  preparePlan,
} from "./prepare.ts";
export { type Catalog, type CatalogEntry, catalogOf, emptyCatalog } from "./catalog.ts";
export { type CheckOptions, type SchemaProblem, checkSchema } from "./schema.ts";
export { validatePlan } from "./validate.ts";
