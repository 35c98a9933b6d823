/** Our own NATS: each server with a name, an address and a volume that stay when its pod does not. */
import type { JsonObject } from "@agentflow/protocol";
import type { Part } from "../../model/installation.ts";
import type { KubernetesObject } from "../object.ts";
import { serviceAccounts } from "./access.ts";
import { budgetOf } from "./budget.ts";
import { made, type Making, selectorOf } from "./making.ts";
import { podTemplate, portName } from "./pod.ts";

export function natsObjects(making: Making, part: Part): KubernetesObject[] {
  const { release } = making;
  const name = `${release}-nats`;
  const service = made(
    making,
    { apiVersion: "v1", kind: "Service", name, part },
    {
      spec: {
        clusterIP: "None",
        // They find each other before any of them is ready.
        publishNotReadyAddresses: true,
        selector: selectorOf(making, part),
        ports: servicePorts(part),
      },
    },
  );
  const set = made(
    making,
    { apiVersion: "apps/v1", kind: "StatefulSet", name, part, holds: "data" },
    {
      spec: {
        serviceName: name,
        replicas: part.replicas,
        ordinals: { start: 1 },
        podManagementPolicy: "Parallel",
        selector: { matchLabels: selectorOf(making, part) },
        template: podTemplate(making, part, { serviceAccount: serviceAccounts.plain(release) }),
        volumeClaimTemplates: [claimOf(making)],
      },
    },
  );
  return [service, set, ...budgetOf(making, { part, name, copies: part.replicas })];
}

function servicePorts({ ports }: Part): JsonObject[] {
  return ports.map((port) => ({ name: portName(port), port, targetPort: portName(port) }));
}

/** Named as the part's mount, so that the claim is found by it. Its size can only grow, and not by us. */
function claimOf({ settings }: Making): JsonObject {
  const { className, natsGb } = settings.storage;
  return {
    metadata: { name: "nats" },
    spec: {
      accessModes: ["ReadWriteOnce"],
      ...(className === undefined ? {} : { storageClassName: className }),
      resources: { requests: { storage: `${natsGb}Gi` } },
    },
  };
}
