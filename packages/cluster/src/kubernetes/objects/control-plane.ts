/** Control planes with their Service, and the way in from outside where the target names one. */
import type { JsonObject } from "@agentflow/protocol";
import type { Part } from "../../model/installation.ts";
import type { IngressTarget } from "@agentflow/protocol";
import { ports } from "../../model/settings.ts";
import type { KubernetesObject } from "../object.ts";
import { releaseNames } from "../release.ts";
import { serviceAccounts } from "./access.ts";
import { budgetOf } from "./budget.ts";
import { made, type Making, selectorOf } from "./making.ts";
import { podTemplate } from "./pod.ts";

export function controlPlaneObjects(making: Making, part: Part): KubernetesObject[] {
  const { release, settings } = making;
  const name = releaseNames.api(release);
  const service = made(
    making,
    { apiVersion: "v1", kind: "Service", name, part },
    {
      spec: {
        selector: selectorOf(making, part),
        ports: [{ name: "api", port: ports.api, targetPort: "api" }],
      },
    },
  );
  const template = podTemplate(making, part, {
    serviceAccount: serviceAccounts.plain(release),
    // What it holds is read from the bus again.
    volumes: { "control-plane": { emptyDir: {} } },
  });
  const deployment = made(
    making,
    { apiVersion: "apps/v1", kind: "Deployment", name, part },
    {
      spec: {
        replicas: part.replicas,
        revisionHistoryLimit: 2,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        selector: { matchLabels: selectorOf(making, part) },
        template,
      },
    },
  );
  const { ingress } = settings;
  return [
    service,
    deployment,
    ...budgetOf(making, { part, name, copies: part.replicas }),
    ...(ingress === undefined ? [] : [ingressObject(making, { part, name, ingress })]),
  ];
}

interface Ingressed {
  readonly part: Part;
  readonly name: string;
  readonly ingress: IngressTarget;
}

function ingressObject(making: Making, { part, name, ingress }: Ingressed): KubernetesObject {
  const { host, className, tlsSecret } = ingress;
  const backend: JsonObject = { service: { name, port: { name: "api" } } };
  return made(
    making,
    { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name, part },
    {
      spec: {
        ...(className === undefined ? {} : { ingressClassName: className }),
        ...(tlsSecret === undefined ? {} : { tls: [{ hosts: [host], secretName: tlsSecret }] }),
        rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
      },
    },
  );
}
