/** The file by which a client finds the server: readable by its owner alone, since it holds a token. */
import { writeFileSync } from "node:fs";
import { stringify } from "yaml";

export interface KubeconfigOf {
  readonly server: string;
  readonly token: string;
  readonly user: string;
  readonly namespace?: string;
  /** None: plain HTTP. */
  readonly authority?: string;
}

/** The name of cluster and context in each file that this package writes. */
export const contextName = "test-cluster";

export function writeKubeconfig(path: string, of: KubeconfigOf): void {
  const trust =
    of.authority === undefined
      ? { "insecure-skip-tls-verify": true }
      : { "certificate-authority-data": Buffer.from(of.authority).toString("base64") };
  const file = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: contextName, cluster: { server: of.server, ...trust } }],
    users: [{ name: of.user, user: { token: of.token } }],
    contexts: [
      {
        name: contextName,
        context: { cluster: contextName, user: of.user, ...(of.namespace && { namespace: of.namespace }) },
      },
    ],
    "current-context": contextName,
  };
  writeFileSync(path, stringify(file), { mode: 0o600 });
}
