export { Access, type ObjectName } from "./access.ts";
export { conflictError, type FieldConflict } from "./conflicts.ts";
export { deploy } from "./deploy.ts";
export { planDeploy, refuseConflicts } from "./deploy-plan.ts";
export type {
  Deployed,
  Deploying,
  DeployPlan,
  DeployProgress,
  DeploySecrets,
  ShownObject,
} from "./deploying.ts";
export { type DeployHolder, heldText } from "./lease.ts";
export { changedFields, type FieldChange } from "./diff.ts";
export { collectGarbage, type Collecting, findGarbage, type Garbage } from "./gc.ts";
export type { PlannedChange } from "./plan.ts";
export { servesKeda } from "./preflight.ts";
export { kindOf, nameOf, titleOf } from "./reading.ts";
export { listRevisions, type Outcome, readRevision, type Revision } from "./revisions.ts";
export { rollbackTarget, type RollbackTo } from "./rollback.ts";
export { type OfRelease, type Standing, standingOf } from "./standing.ts";
export { type DeployStatus, deployStatus, type PartStatus } from "./status.ts";
export { takeDown, type TakenDown, type TakingDown } from "./take-down.ts";
export { realPace as realClusterPace } from "../pace.ts";
