/** Sandboxes of untrusted tools: what is asked for, what is planned of it, and what really applied. */

/** What a tool's definition asks for: `sandbox` of `defineTool`. What is left out is the strict default. */
export interface SandboxOptions {
  readonly profile?: "docker";
  /** `none`, or the hosts it may reach: `api.example.com:443`. Only those that the project allows. */
  readonly network?: "none" | readonly string[];
  readonly memoryMb?: number;
  readonly cpus?: number;
  /** Processes and threads. */
  readonly pids?: number;
  /** Size of /tmp, the only place that can be written. It counts as memory. */
  readonly tmpMb?: number;
}

/** `sandbox` of agentflow.yaml: the operator's word. It tightens what tools ask for, and never loosens. */
export interface SandboxPolicy {
  /** Tools that are untrusted whatever they say: `scripts.run`, or `scripts.*` for a whole file. */
  readonly tools?: readonly string[];
  /** Hosts that tools may ask for. None when left out. */
  readonly network?: readonly string[];
  /** The most that a call may have. */
  readonly limits?: SandboxLimits;
}

export interface SandboxLimits {
  readonly memoryMb?: number;
  readonly cpus?: number;
  readonly pids?: number;
  readonly tmpMb?: number;
}

export type SandboxOrigin = "definition" | "project" | "default";

/** What a call of the tool gets, and who said so. */
export interface SandboxPlan {
  readonly profile: "docker";
  /** Hosts; none: no network at all. */
  readonly network: readonly string[];
  readonly memoryMb: number;
  readonly cpus: number;
  readonly pids: number;
  readonly tmpMb: number;
  readonly from: { readonly [Key in SandboxKey]: SandboxOrigin };
  readonly asked: { readonly definition?: SandboxOptions; readonly project?: SandboxPolicy };
  /** Why no call is made: what the definition asks for, the project does not allow. */
  readonly refused?: string;
}

export type SandboxKey = "profile" | "network" | keyof SandboxLimits;

/** What a call ran in, as the engine said of its container, or a cluster of its pod, while it ran. */
export interface SandboxApplied {
  readonly profile: "docker" | "kubernetes";
  /** `runc`, `runsc`, …; of a pod its RuntimeClass, `default` for the nodes' own. */
  readonly runtime: string;
  /** SHA-256 of the image. */
  readonly image: string;
  /** Hosts that could be reached, through the worker alone. The sandbox itself has no network. */
  readonly network: readonly string[];
  readonly memoryMb: number;
  readonly cpus: number;
  readonly pids: number;
  readonly tmpMb: number;
  readonly user: string;
  /** The engine's filter of system calls: `default`, or what its administrator chose. */
  readonly seccomp: string;
  /** `docker 28.2.2`, `kubernetes v1.36.2`. */
  readonly engine: string;
}

export const sandboxDefaults = { memoryMb: 256, cpus: 1, pids: 64, tmpMb: 64 } as const;

export const sandboxBounds = {
  memoryMb: { min: 96, max: 1_000_000 },
  cpus: { min: 0.05, max: 1_000 },
  pids: { min: 16, max: 100_000 },
  tmpMb: { min: 1, max: 100_000 },
} as const;

/** `host:port`, a name or an IPv4 address; no pattern, so that it says exactly what can be reached. */
export const sandboxHostPattern = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?:[1-9][0-9]{0,4}$/;

/** Of `tools` of the policy. */
export const sandboxToolPattern = /^[a-z0-9][a-z0-9_-]{0,62}\.(\*|[a-z][A-Za-z0-9]{0,62})$/;

const limitKeys = ["memoryMb", "cpus", "pids", "tmpMb"] as const;

/** Undefined for a tool that nobody calls untrusted. */
export function planSandbox(
  tool: string,
  definition: SandboxOptions | undefined,
  policy: SandboxPolicy = {},
): SandboxPlan | undefined {
  const byProject = policy.tools?.some((one) => names(one, tool)) === true;
  if (definition === undefined && !byProject) return undefined;
  const asked = { ...(definition === undefined ? {} : { definition }), ...projectPart(policy) };
  const network = networkOf(tool, definition, policy);
  const from: { -readonly [Key in keyof SandboxPlan["from"]]: SandboxOrigin } = {
    profile: definition === undefined ? "project" : "definition",
    network: network.from,
    memoryMb: "default",
    cpus: "default",
    pids: "default",
    tmpMb: "default",
  };
  const chosen: { -readonly [Key in keyof SandboxLimits]-?: number } = { ...sandboxDefaults };
  for (const key of limitKeys) {
    const wanted = definition?.[key];
    const most = policy.limits?.[key];
    if (wanted !== undefined) [chosen[key], from[key]] = [wanted, "definition"];
    if (most !== undefined && most < chosen[key]) [chosen[key], from[key]] = [most, "project"];
  }
  const { refused } = network;
  const plan = { profile: "docker", network: network.hosts, ...chosen, from, asked } as const;
  return refused === undefined ? plan : { ...plan, refused };
}

/** True for `scripts.*` and a tool of scripts. */
function names(pattern: string, tool: string): boolean {
  return pattern.endsWith(".*") ? tool.startsWith(pattern.slice(0, -1)) : pattern === tool;
}

function projectPart(policy: SandboxPolicy): { readonly project?: SandboxPolicy } {
  return Object.keys(policy).length === 0 ? {} : { project: policy };
}

function networkOf(
  tool: string,
  definition: SandboxOptions | undefined,
  { network: allowed = [] }: SandboxPolicy,
): { readonly hosts: readonly string[]; readonly from: SandboxOrigin; readonly refused?: string } {
  const wanted = definition?.network;
  if (wanted === undefined) return { hosts: [], from: "default" };
  if (wanted === "none") return { hosts: [], from: "definition" };
  const beyond = wanted.filter((host) => !allowed.includes(host));
  if (beyond.length === 0) return { hosts: wanted, from: "definition" };
  const which = beyond.join(", ");
  return {
    hosts: [],
    from: "project",
    refused: `${tool} asks for ${which}, which sandbox.network of agentflow.yaml does not allow`,
  };
}

/** `none`, or the hosts. */
export function showNetwork(hosts: readonly string[]): string {
  return hosts.length === 0 ? "none" : hosts.join(", ");
}

/** In one line: `docker (runc), no network, 256 MiB, 1 core, 64 processes`. */
export function showSandbox(of: SandboxApplied): string {
  const { profile, runtime, network, memoryMb, cpus, pids, seccomp } = of;
  const net = network.length === 0 ? "no network" : `network ${network.join(" ")} alone`;
  const cores = `${cpus} ${cpus === 1 ? "core" : "cores"}`;
  const filter = seccomp === "unconfined" ? ", no filter of system calls" : "";
  return `${profile} (${runtime}), ${net}, ${memoryMb} MiB, ${cores}, ${pids} processes${filter}`;
}
