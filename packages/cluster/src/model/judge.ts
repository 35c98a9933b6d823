/** What is wrong with a target, with pointers into agentflow.yaml. Knows no variables. */
import {
  type Finding,
  type JsonObject,
  nearest,
  type ProjectDefinition,
  type TargetDefinition,
} from "@agentflow/protocol";
import { kubernetesFindings, sandboxFindings } from "./judge-kubernetes.ts";
import { layOver } from "./overlay.ts";
import { parseProject } from "./parse-project.ts";
import { referencesIn } from "./references.ts";
import { type Judged, limitedParts, overlaid, poolsOf } from "./target.ts";

type Containers = Extract<TargetDefinition, { readonly kind: "docker" | "kubernetes" }>;

/** Of every target, in the order of the file. The project has no faults of its own. */
export async function targetFindings(
  project: ProjectDefinition,
  document: JsonObject,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [name, definition] of Object.entries(project.targets ?? {})) {
    findings.push(...(await judgeTarget({ name, definition, document })).findings);
  }
  return findings;
}

export interface Judging {
  readonly name: string;
  readonly definition: TargetDefinition;
  readonly document: JsonObject;
}

export async function judgeTarget({ name, definition, document }: Judging): Promise<Judged> {
  const at = `/targets/${name}`;
  const { targets: _, ...plain } = document;
  const overlay = isContainers(definition) ? (definition.overlay ?? {}) : {};
  const misplaced = misplacedKeys(overlay, at);
  const known: readonly string[] = overlaid;
  const usable = Object.fromEntries(Object.entries(overlay).filter(([key]) => known.includes(key)));
  const { value, given } = layOver(plain, usable);
  const parsed = await parseProject(value);
  if ("faults" in parsed) {
    const findings = parsed.faults.map(({ path = "", message }) => invalid(name, path, message));
    return { given, findings: [...misplaced, ...findings] };
  }
  const pools = poolsOf(parsed.project);
  const findings = [
    ...misplaced,
    ...nameFindings(name, definition),
    ...unknownPools(definition, { at, pools }),
    ...(isContainers(definition) ? containerFindings(definition, { at, pools }) : []),
    ...sandboxFindings(definition, { at, isAsked: parsed.project.sandbox !== undefined }),
    ...(isContainers(definition) ? keysInVariables(parsed.document, { name, given }) : []),
  ];
  return { effective: { project: parsed.project, document: parsed.document }, given, findings };
}

/** Commands say by this name alone that they mean the installation of `af dev`. */
function nameFindings(name: string, definition: TargetDefinition): Finding[] {
  if (name !== "dev" || !isContainers(definition)) return [];
  const message = "the target dev is this machine, without containers: af dev runs it";
  const hint = `give it another name: ${definition.kind}`;
  return [{ code: "AF950", severity: "error", path: "/targets/dev/kind", message, hint }];
}

function isContainers(definition: TargetDefinition): definition is Containers {
  return definition.kind === "docker" || definition.kind === "kubernetes";
}

function misplacedKeys(overlay: JsonObject, at: string): Finding[] {
  const known: readonly string[] = overlaid;
  return Object.keys(overlay).flatMap((key): Finding[] => {
    if (known.includes(key)) return [];
    const near = nearest(key, known);
    const meant = near === undefined ? "" : ` (did you mean ${near}?)`;
    const message = `an overlay does not change ${JSON.stringify(key.slice(0, 80))}${meant}`;
    const path = `${at}/overlay/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    return [{ code: "AF943", severity: "error", path, message, hint: `it may hold ${known.join(", ")}` }];
  });
}

/** Said where the overlay gives what is wrong; where it took something away, at the overlay itself. */
function invalid(target: string, path: string, message: string): Finding {
  return {
    code: "AF942",
    severity: "error",
    path: `/targets/${target}/overlay${path}`,
    message: `with this overlay the project is not valid: ${message}`,
    hint: `af config view --target ${target} shows what holds, once it is`,
  };
}

interface Place {
  readonly at: string;
  readonly pools: readonly string[];
}

function unknownPools({ workers = {} }: Pick<TargetDefinition, "workers">, { at, pools }: Place): Finding[] {
  return Object.keys(workers).flatMap((pool): Finding[] => {
    if (pools.includes(pool)) return [];
    const near = nearest(pool, pools);
    const message = `there is no pool ${pool}${near === undefined ? "" : ` (did you mean ${near}?)`}`;
    const hint = `add it to pools:, or name one of ${pools.join(", ")}`;
    return [{ code: "AF940", severity: "error", path: `${at}/workers/${pool}`, message, hint }];
  });
}

function containerFindings(definition: Containers, { at, pools }: Place): Finding[] {
  const parts = limitedParts(pools);
  const limits = Object.keys(definition.limits ?? {}).flatMap((part): Finding[] => {
    if (parts.includes(part)) return [];
    const near = nearest(part, parts);
    const message = `there is no part ${part}${near === undefined ? "" : ` (did you mean ${near}?)`}`;
    const hint = `parts are ${parts.join(", ")}`;
    return [{ code: "AF941", severity: "error", path: `${at}/limits/${part}`, message, hint }];
  });
  return [
    ...limits,
    ...busFindings(definition, at),
    ...natsFindings(definition, at),
    ...environmentFindings(definition, at),
    ...portFindings(definition, at),
    ...(definition.kind === "kubernetes" ? kubernetesFindings(definition, { at, pools }) : []),
  ];
}

function busFindings({ bus = "nats" }: Containers, at: string): Finding[] {
  if (bus === "nats") return [];
  const message = `containers run on NATS for now, not on ${bus}`;
  const hint = "leave bus: out, or write bus: nats";
  return [{ code: "AF944", severity: "error", path: `${at}/bus`, message, hint }];
}

function natsFindings({ nats, limits }: Containers, at: string): Finding[] {
  if (nats?.url !== undefined) return natsUrlFindings(nats.url, `${at}/nats/url`);
  const memoryMb = limits?.["nats"]?.memoryMb ?? natsMemoryMb;
  if (memoryMb >= natsMemoryMb) return [];
  const message = `NATS keeps waiting tasks in a quarter of its memory: ${memoryMb} MiB are not enough`;
  const hint = `memoryMb: ${natsMemoryMb} or more`;
  return [{ code: "AF961", severity: "error", path: `${at}/limits/nats/memoryMb`, message, hint }];
}

/** Four times what the bus sets aside for tasks: with less its stream of tasks is never made. */
const natsMemoryMb = 512;

/** Of a server that is not ours: the address is no secret, so nothing secret may stand in it. */
export function natsUrlFindings(url: string, path: string): Finding[] {
  if (url.startsWith("env://")) return [];
  const finding = (message: string, hint: string): Finding[] => {
    return [{ code: "AF945", severity: "error", path, message, hint }];
  };
  if (url.startsWith("secret://")) return finding("an address is no secret", "write nats://host:4222");
  for (const one of url.split(",")) {
    const parsed = URL.parse(one.trim());
    if (parsed === null || !/^(nats|tls|wss?):$/.test(parsed.protocol)) {
      return finding("this is no address of a NATS server", "write nats://host:4222, several with commas");
    }
    if (parsed.username + parsed.password !== "") {
      const hint = "leave them out: containers come without a login to a server of your own";
      return finding("a user's name or password stands in the address", hint);
    }
  }
  return [];
}

function environmentFindings({ environment = {} }: Containers, at: string): Finding[] {
  return Object.entries(environment).flatMap(([name, value]): Finding[] => {
    const path = `${at}/environment/${name}`;
    if (value.startsWith("secret://")) {
      const hint = "a tool asks for it by secrets: [...]; a model by apiKey: secret://name";
      return [{ code: "AF947", severity: "error", path, message: "a secret is no variable", hint }];
    }
    if (!rendered.has(name)) return [];
    const message = `${name} is set by af itself`;
    return [{ code: "AF948", severity: "error", path, message, hint: "leave it out" }];
  });
}

/** Variables by which a worker in a container learns where it is. */
export const rendered: ReadonlySet<string> = new Set([
  "AF_BUS__SERVERS",
  "AF_BUS__NKEY",
  "AF_BUS__INBOX",
  "AF_HEALTH__HOST",
  "AF_HEALTH__PORT",
  "AF_SECRETS_DIR",
  "AF_WORKER__BUILD",
  "AF_WORKER__NAME",
  "AF_WORKER__POOL",
]);

function portFindings(definition: Containers, at: string): Finding[] {
  if (definition.kind !== "docker") return [];
  const last = (definition.api?.port ?? 4_180) + (definition.controlPlanes ?? 1) - 1;
  if (last <= 65_535) return [];
  const message = `the last control plane would listen on ${last}`;
  return [{ code: "AF949", severity: "error", path: `${at}/api/port`, message, hint: "take a lower port" }];
}

/** A variable can be read by whoever may look at a container; a key goes as a file. */
function keysInVariables(
  document: JsonObject,
  { name, given }: { readonly name: string; readonly given: ReadonlySet<string> },
): Finding[] {
  return referencesIn(document).flatMap(({ path, reference }): Finding[] => {
    if (reference.kind !== "env" || !path.endsWith("/apiKey")) return [];
    const at = given.has(path) ? `/targets/${name}/overlay${path}` : path;
    const message = `a key does not travel to the containers of ${name} as the variable ${reference.name}`;
    const hint = "write apiKey: secret://name, and af secrets set name";
    return [{ code: "AF947", severity: "error", path: at, message, hint }];
  });
}
