/** Where things lie in the container of a development worker. */
export const devPlaces = {
  /**
   * Below the project that the image holds: what is imported by name and does not lie here is found in the
   * image's node_modules, which are made for its system.
   */
  project: "/srv/project/live",
  secrets: "/run/secrets",
  certificates: "/etc/agentflow/certificates.pem",
  entry: "/opt/agentflow/node_modules/@agentflow/runtime/dist/contained/main.js",
} as const;

export const devLabels = {
  key: "dev.agentflow.dev",
  session: "dev.agentflow.session",
} as const;
