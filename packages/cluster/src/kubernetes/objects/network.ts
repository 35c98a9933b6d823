/** Who may speak to whom: nobody to nobody, and then each way that there is. */
import type { Json, JsonObject } from "@agentflow/protocol";
import type { PartRole } from "../../model/installation.ts";
import { ports } from "../../model/settings.ts";
import { kubernetesLabels } from "../labels.ts";
import type { KubernetesObject } from "../object.ts";
import { made, type Making, partOf } from "./making.ts";

export function networkObjects(making: Making): KubernetesObject[] {
  const { release } = making;
  const policy = (of: string, spec: JsonObject): KubernetesObject =>
    made(
      making,
      { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", name: `${release}-${of}` },
      {
        spec,
      },
    );
  const pods = (...roles: PartRole[]): JsonObject => podsOf(release, roles);
  const ownNats = partOf(making, "nats") !== undefined;
  return [
    policy("default", { podSelector: podsOf(release), policyTypes: ["Ingress", "Egress"] }),
    policy("dns", { podSelector: podsOf(release), policyTypes: ["Egress"], egress: [names] }),
    ...(ownNats ? [policy("nats", natsPolicy(pods))] : []),
    policy("control-plane", {
      podSelector: pods("control-plane"),
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ ...callers(making), ports: [tcp(ports.api)] }],
      egress: [...busOf(making, [ports.nats, ports.monitor]), ...(sendsSpans(making) ? [outside] : [])],
    }),
    // Models are outside, and tools go where they will: what is kept from them is the machines' own address.
    policy("worker", {
      podSelector: pods("worker"),
      policyTypes: ["Egress"],
      egress: [...busOf(making, [ports.nats]), outside],
    }),
    policy("keys", { podSelector: pods("keys"), policyTypes: ["Egress"], egress: [apiServer] }),
    ...(partOf(making, "sandbox") === undefined ? [] : [policy("sandbox", sandboxes(release))]),
    policy("register", {
      podSelector: pods("register"),
      policyTypes: ["Egress"],
      egress: busOf(making, [ports.nats]),
    }),
  ];
}

/** Pods that a broker makes carry no other label of ours: nobody to them, and they to nobody. */
function sandboxes(release: string): JsonObject {
  return {
    podSelector: { matchLabels: { [kubernetesLabels.sandbox]: release } },
    policyTypes: ["Ingress", "Egress"],
  };
}

function podsOf(release: string, roles: readonly PartRole[] = []): JsonObject {
  const of = { [kubernetesLabels.instance]: release };
  const [only] = roles;
  if (only === undefined) return { matchLabels: of };
  if (roles.length === 1) return { matchLabels: { ...of, [kubernetesLabels.component]: only } };
  const expression = { key: kubernetesLabels.component, operator: "In", values: [...roles] };
  return { matchLabels: of, matchExpressions: [expression] };
}

function tcp(port: number): JsonObject {
  return { protocol: "TCP", port };
}

/** Wherever the cluster's DNS is: on a node, in a pod of any namespace, at its own port. */
const names: JsonObject = {
  ports: [{ protocol: "UDP", port: 53 }, tcp(53), { protocol: "UDP", port: 5_353 }, tcp(5_353)],
};

/**
 * No policy can name the API server: its address is none of a pod. Policies see the port that it has itself
 * and not its Service's: 6443 of kubeadm, kind and k3s, 8443 of minikube, 16443 of MicroK8s.
 */
const apiServer: JsonObject = { ports: [443, 6_443, 8_443, 16_443].map(tcp) };

/** Where machines are told who they are, with credentials: link-local almost everywhere, and not quite. */
const ofMachines = {
  // Azure's WireServer, Alibaba's and Oracle's older one.
  v4: ["169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"],
  // Those of AWS and Google are among the addresses of private networks.
  v6: ["fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"],
} as const;

const outside: JsonObject = {
  to: [
    { ipBlock: { cidr: "0.0.0.0/0", except: [...ofMachines.v4] } },
    { ipBlock: { cidr: "::/0", except: [...ofMachines.v6] } },
  ],
};

function natsPolicy(pods: (...roles: PartRole[]) => JsonObject): JsonObject {
  const from = (...roles: PartRole[]): Json[] => [{ podSelector: pods(...roles) }];
  return {
    podSelector: pods("nats"),
    policyTypes: ["Ingress", "Egress"],
    ingress: [
      { from: from("control-plane", "worker", "register"), ports: [tcp(ports.nats)] },
      { from: from("control-plane"), ports: [tcp(ports.monitor)] },
      { from: from("nats"), ports: [tcp(ports.routes)] },
    ],
    egress: [{ to: from("nats"), ports: [tcp(ports.routes)] }],
  };
}

/** Our own servers, or the addresses that the target names: they may be anywhere. */
function busOf(making: Making, own: readonly number[]): Json[] {
  const { url } = making.settings.nats;
  if (url === undefined)
    return [{ to: [{ podSelector: podsOf(making.release, ["nats"]) }], ports: own.map(tcp) }];
  const told = url.split(",").map((one) => URL.parse(one.trim()));
  const numbers = told.map((one) => (one === null || one.port === "" ? defaultPort(one) : Number(one.port)));
  return [{ ports: [...new Set(numbers)].sort((a, b) => a - b).map(tcp) }];
}

function defaultPort(url: URL | null): number {
  return url?.protocol === "ws:" ? 80 : url?.protocol === "wss:" ? 443 : ports.nats;
}

/**
 * Pods of the same namespace; of all where KEDA asks. The controller of an ingress may stand in the network
 * of its node, whose addresses no selector names: there the API's own tokens guard it alone. A forward needs
 * none of these.
 */
function callers({ settings, keda }: Making): JsonObject {
  if (settings.ingress !== undefined) return {};
  const isScaled = keda && Object.keys(settings.scaling).length > 0;
  return { from: [isScaled ? { namespaceSelector: {} } : { podSelector: {} }] };
}

function sendsSpans(making: Making): boolean {
  return partOf(making, "control-plane")?.environment["AF_TELEMETRY__OTLP__ENDPOINT"] !== undefined;
}
