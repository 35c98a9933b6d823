/** Which package may import which. An arrow that is not in the table does not exist. */
import { isAllowed, tests } from "./allow.ts";
import type { Finding } from "./finding.ts";
import type { Import } from "./imports.ts";
import type { Source } from "./source.ts";

interface Arrows {
  /** Our packages that any file of it may import. */
  readonly ours: readonly string[];
  /** Only as `import type` or `import()`. */
  readonly lazily?: readonly string[];
  /** Only inside this folder, and there only as `import type` or `import()`. */
  readonly lazilyIn?: { readonly folder: string; readonly ours: readonly string[] };
}

const servers = ["protocol", "core", "bus", "host", "sdk", "control-plane", "runtime"];

export const floors: Readonly<Record<string, Arrows>> = {
  protocol: { ours: [] },
  core: { ours: ["protocol"] },
  bus: { ours: ["protocol"] },
  host: { ours: ["protocol"] },
  sdk: { ours: ["protocol"] },
  "control-plane": { ours: ["core", "bus", "host", "protocol"] },
  runtime: { ours: ["core", "bus", "host", "sdk", "protocol"] },
  cluster: { ours: ["protocol", "sdk"] },
  dashboard: { ours: ["sdk", "protocol"] },
  testing: { ours: [...servers, "cluster"] },
  sim: { ours: servers },
  "test-cluster": { ours: [] },
  cli: {
    ours: ["sdk", "protocol"],
    lazily: ["core", "cluster"],
    lazilyIn: { folder: "packages/cli/src/local/", ours: ["control-plane", "runtime", "bus", "host"] },
  },
};

/** The one folder in which a broker's client may be imported. */
const brokerClients: readonly { readonly folder: string; readonly client: RegExp }[] = [
  { folder: "packages/bus/src/nats/", client: /^(nats|@nats-io\/.*)$/ },
  { folder: "packages/bus/src/redis/", client: /^(redis|ioredis|@redis\/.*)$/ },
  {
    folder: "packages/bus/src/rabbitmq/",
    client: /^(amqplib|amqp-connection-manager|rabbitmq-client)(\/.*)?$/,
  },
];

/** Packages that stay pure: what they may import from outside, and where. */
const pure: Readonly<Record<string, (path: string, specifier: string) => boolean>> = {
  protocol: (_, specifier) => isPackage(specifier, "zod"),
  core: (path, specifier) =>
    isPackage(specifier, "@marcbachmann/cel-js") && path.startsWith("packages/core/src/expr/"),
};

/** Every import of this file that points up, sideways, into another package's files, or at a broker. */
export function checkFloors(source: Source, imports: readonly Import[]): Finding[] {
  return imports.flatMap((one) => {
    const fault = faultOf(source.path, one);
    return fault === undefined ? [] : [source.finding(one.offset, ...fault)];
  });
}

type Fault = [rule: "floor" | "deep-import" | "lazy-import" | "broker-client" | "pure", message: string];

/** Real servers for tests of any floor. */
const testServers = [
  "@agentflow/bus/servers",
  "@agentflow/cluster/test-engine",
  "@agentflow/cluster/test-kubernetes",
  "@agentflow/test-cluster",
  "@agentflow/test-cluster/programs",
];

function faultOf(path: string, one: Import): Fault | undefined {
  if (testServers.includes(one.specifier) && isAllowed(tests, path)) return undefined;
  const home = packageOf(path);
  const target = targetOf(path, one.specifier);
  if (target?.deep) {
    return [
      "deep-import",
      `"${one.specifier}" reaches into ${target.name}: import @agentflow/${target.name}`,
    ];
  }
  if (target !== undefined && home !== undefined) return arrowFault(path, home, target.name, one);
  if (target !== undefined || one.specifier.startsWith(".")) return undefined;
  return brokerFault(path, one.specifier) ?? pureFault(path, home, one.specifier);
}

function arrowFault(path: string, home: string, target: string, one: Import): Fault | undefined {
  const arrows = floors[home];
  if (target === home || arrows === undefined || arrows.ours.includes(target)) return undefined;
  const { lazilyIn } = arrows;
  const here = lazilyIn !== undefined && path.startsWith(lazilyIn.folder) ? lazilyIn.ours : [];
  if ([...(arrows.lazily ?? []), ...here].includes(target)) {
    if (one.lazy || one.typeOnly) return undefined;
    return ["lazy-import", `${home} loads ${target} only when it is needed: use import() or import type`];
  }
  if (lazilyIn?.ours.includes(target))
    return ["floor", `${home} may import ${target} only in ${lazilyIn.folder}`];
  const allowed = arrows.ours.length === 0 ? "nothing of ours" : arrows.ours.join(", ");
  return ["floor", `${home} may not import ${target}; it may import ${allowed}`];
}

function brokerFault(path: string, specifier: string): Fault | undefined {
  const broker = brokerClients.find(({ client }) => client.test(specifier));
  // The systems we are measured against are written for their brokers.
  if (broker === undefined || path.startsWith("bench/peers/")) return undefined;
  if (path.startsWith(broker.folder)) return undefined;
  return [
    "broker-client",
    `"${specifier}" is a broker's client: it may be imported only in ${broker.folder}`,
  ];
}

function pureFault(path: string, home: string | undefined, specifier: string): Fault | undefined {
  const allows = home === undefined ? undefined : pure[home];
  const applies = allows !== undefined && path.startsWith(`packages/${home}/src/`) && !isAllowed(tests, path);
  if (!applies || allows(path, specifier)) return undefined;
  return ["pure", `${home} may not import "${specifier}" here: it takes such things as arguments`];
}

/** The package a file belongs to, by its folder. */
export function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1];
}

function targetOf(path: string, specifier: string): { name: string; deep: boolean } | undefined {
  const [, name, below = ""] = /^@agentflow\/([^/]+)(\/.*)?$/.exec(specifier) ?? [];
  if (name !== undefined) return { name, deep: /^\/(src|dist)(\/|$)/.test(below) };
  if (!specifier.startsWith(".")) return undefined;
  const other = packageOf(joinPath(path, specifier));
  return other === undefined || other === packageOf(path) ? undefined : { name: other, deep: true };
}

/** Where a relative specifier of this file points, relative to the root. */
export function joinPath(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function isPackage(specifier: string, name: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`);
}
