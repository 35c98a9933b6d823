/** What `af dev --on docker` was asked for, as far as it is about containers. */
export interface ContainerChoice {
  /** A docker target of agentflow.yaml, for its engine, base image, variables and limits. */
  readonly target?: string;
  /** Folders of the project that tools may write. */
  readonly writable: readonly string[];
}
