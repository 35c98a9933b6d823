export { Access, type ObjectName } from "./access.ts";
export { conflictError, type FieldConflict } from "./conflicts.ts";
export { deploy, planDeploy, refuseConflicts } from "./deploy.ts";
export type {
  Deployed,
  Deploying,
  DeployPlan,
  DeployProgress,
  DeploySecrets,
  ShownObject,
} from "./deploying.ts";
export { changedFields, type FieldChange } from "./diff.ts";
export { type Collecting, findGarbage, type Garbage, removeGarbage } from "./gc.ts";
export type { PlannedChange } from "./plan.ts";
export { servesKeda } from "./preflight.ts";
export { kindOf, nameOf, titleOf } from "./reading.ts";
export { listRevisions, type Outcome, readRevision, type Revision } from "./revisions.ts";
export { rollbackTarget, type RollbackTo } from "./rollback.ts";
export { type DeployStatus, deployStatus, type PartStatus } from "./status.ts";
export { realPace as realClusterPace } from "../pace.ts";
