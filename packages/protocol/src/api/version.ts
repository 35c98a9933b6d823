/** The header in which an installation tells its release, on every answer to somebody it knows. */
export const versionHeader = "agentflow-version";
