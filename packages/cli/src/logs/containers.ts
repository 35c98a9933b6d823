/** What the containers of an installation print, as records: what is not on the bus, or not yet. */
import type { ContainerLine } from "@agentflow/cluster";
import type { EngineAddress } from "@agentflow/cluster/engine";
import type { ClusterPlace } from "@agentflow/cluster/inside-cluster";
import type { LogRecord } from "@agentflow/protocol";
import type { Context } from "../config/contexts.ts";
import { type Printed, parsePrinted } from "../parse-printed.ts";

export type ContainerPlace =
  | {
      readonly kind: "docker";
      readonly engine: EngineAddress;
      readonly project: string;
      readonly target: string;
    }
  | { readonly kind: "kubernetes"; readonly cluster: ClusterPlace };

/** Undefined where neither an engine nor a cluster carries the installation. */
export function containersOf(context: Context | undefined): ContainerPlace | undefined {
  const { kind, engine, cluster, project, target } = context ?? {};
  if (kind === "kubernetes" && cluster !== undefined) return { kind, cluster };
  if (kind !== "docker" || engine === undefined || project === undefined || target === undefined)
    return undefined;
  return { kind, engine, project, target };
}

/** A line with the record that it is; what is no record of ours becomes one of the source `container`. */
export interface Output extends Printed {
  readonly copy: string;
  /** Undefined for a span: it is no line. */
  record(): LogRecord | undefined;
}

export function outputOf(line: ContainerLine, redact: (text: string) => string): Output {
  const { copy, text } = line;
  const printed = parsePrinted(text);
  return { copy, ...printed, record: printed.ours ?? (() => rawRecord(line, redact)) };
}

/** nats-server writes its process id, its clock and the level first: the line has a time already. */
const ofNats = /^\[\d+\] \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d(?:\.\d+)? \[(INF|DBG|TRC|WRN|ERR|FTL)\] /;
const natsLevels: ReadonlyMap<string, LogRecord["level"]> = new Map([
  ["TRC", "trace"],
  ["DBG", "debug"],
  ["INF", "info"],
  ["WRN", "warn"],
  ["ERR", "error"],
  ["FTL", "fatal"],
]);

function rawRecord(line: ContainerLine, redact: (text: string) => string): LogRecord {
  const { copy, stream, time, text, cut } = line;
  const [head = "", word = ""] = ofNats.exec(text) ?? [];
  const level = natsLevels.get(word) ?? levelOf(text, stream);
  return {
    kind: "log",
    at: new Date(Date.parse(time)).toISOString(),
    level,
    source: "container",
    name: copy,
    stream,
    message: `${redact(text.slice(head.length))}${cut ? "… (longer than 64 KiB)" : ""}`,
  };
}

function levelOf(text: string, stream: "stdout" | "stderr"): LogRecord["level"] {
  if (/^(panic|fatal)\b/.test(text)) return "error";
  return stream === "stderr" ? "warn" : "info";
}
