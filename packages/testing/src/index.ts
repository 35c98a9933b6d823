export {
  type PersonAnswer,
  type StartedRun,
  type TestInstallation,
  type TestOptions,
  testInstallation,
} from "./installation.ts";
export type { GivenProject } from "./project.ts";
