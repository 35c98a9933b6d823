/** The programs that people use on a cluster, for tests: found or had, and run against one. */
export { findHelm } from "./find-helm.ts";
export { kubectlMissing } from "./find-kubectl.ts";
export { type Program, type Ran, helmFor, kubectlFor } from "./program.ts";
