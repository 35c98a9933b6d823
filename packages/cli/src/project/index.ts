/** A project's files, read and placed: what `af validate` and `af dev` both stand on. */
export { inOrder, placeFindings } from "./place.ts";
export { withBudgets } from "./budgets.ts";
export { readProject } from "./read-project.ts";
