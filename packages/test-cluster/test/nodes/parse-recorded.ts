/** Recorded rollouts, and what a client reads of them. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ObjectEvent } from "../../src/store.ts";
import type { Condition, ContainerStatus, Meta } from "../../src/world/parse-kinds.ts";

const folder = fileURLToPath(new URL("../../fixtures/transcripts/", import.meta.url));

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object | string;
}

export interface RecordedExchange {
  readonly request: RecordedRequest;
  readonly response: {
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly body?: unknown;
  };
  readonly frames?: readonly Frame[];
}

export interface Frame {
  readonly from: "server" | "client";
  readonly opcode: string;
  readonly channel?: number;
  readonly data?: string;
}

interface Seen {
  metadata: Meta;
  spec?: { replicas?: number };
  status?: {
    phase?: string;
    replicas?: number;
    readyReplicas?: number;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
    succeeded?: number;
    failed?: number;
  };
}

export interface RecordedEvent {
  type: string;
  reason: string;
  message: string;
  count?: number;
  involvedObject: { kind: string; name: string; fieldPath?: string };
}

export function names(topic: string): string[] {
  return readdirSync(`${folder}${topic}`).sort();
}

export function exchange(topic: string, name: string): RecordedExchange {
  return JSON.parse(readFileSync(`${folder}${topic}/${name}`, "utf8")) as RecordedExchange;
}

export function textOf(one: RecordedExchange): string {
  return one.response.body as string;
}

export function recordedEvents(name: string): RecordedEvent[] {
  const file = JSON.parse(readFileSync(`${folder}05-rollout/${name}-events.json`, "utf8")) as {
    items: unknown;
  };
  return file.items as RecordedEvent[];
}

export function eventIn(object: unknown): RecordedEvent {
  return object as RecordedEvent;
}

export interface Change {
  readonly resource: string;
  readonly type: string;
  readonly object: Seen;
}

export function recordedWatch(name: string): Change[] {
  const lines = readFileSync(`${folder}05-rollout/${name}-watch.ndjson`, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Change);
}

export function changeOf(event: ObjectEvent): Change {
  const resource = event.key.resource.split(".")[0] ?? "";
  return { resource, type: event.type, object: event.object as unknown as Seen };
}

export function seenIn(object: unknown): Seen {
  return object as Seen;
}

/** What a client reads of a pod: phase, Ready, why it waits or has ended, how often it was started again. */
export function podLine({ type, object }: Change): string {
  const { status = {}, metadata } = object;
  const ready = status.conditions?.find((one) => one.type === "Ready");
  const scheduled = status.conditions?.find((one) => one.type === "PodScheduled");
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map(
    ({ state, lastState, restartCount, ready: own, started }) =>
      [
        state.waiting?.reason ?? (state.running === undefined ? undefined : "running"),
        state.terminated && `${state.terminated.reason} ${state.terminated.exitCode}`,
        lastState.terminated && `last ${lastState.terminated.reason} ${lastState.terminated.exitCode}`,
        `restarts ${restartCount}`,
        `${own} ${started}`,
      ]
        .filter((part) => part !== undefined)
        .join(", "),
  );
  const parts = [
    type === "DELETED" ? "gone" : status.phase,
    metadata.deletionTimestamp === undefined ? "" : "ending",
    `scheduled ${scheduled?.status} ${scheduled?.reason ?? ""}`,
    `ready ${ready?.status} ${ready?.reason ?? ""}`,
    ...containers,
  ];
  return parts.join("; ");
}

export function conditionsLine({ object }: Change): string {
  const conditions = (object.status?.conditions ?? []).map(
    (one) => `${one.type}=${one.status} ${one.reason ?? ""}`,
  );
  return conditions.join("; ");
}

/** Without repeats. */
export function steps(lines: readonly string[]): string[] {
  return lines.filter((line, index) => index === 0 || line !== lines[index - 1]);
}
