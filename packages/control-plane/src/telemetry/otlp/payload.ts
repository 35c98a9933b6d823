/** Bodies of OTLP over HTTP, as JSON: what a collector is sent at `/v1/traces`. */
import { toOtlp } from "@agentflow/host/spans";
import type { SpanRecord } from "@agentflow/protocol";

/** A span as it waits: its text is its size. */
export interface WaitingSpan {
  readonly tenant: string;
  readonly text: string;
}

export interface Resource {
  readonly version: string;
  /** The control plane that sends. */
  readonly node: string;
}

const hex = /^[0-9a-f]+$/;

/** Undefined for a record that OTLP does not allow: its ids are no ids. */
export function waitingSpan(tenant: string, record: SpanRecord): WaitingSpan | undefined {
  const { trace, span, parent } = record;
  const isSound = isIdOf(32, trace) && isIdOf(16, span) && (parent === undefined || isIdOf(16, parent));
  return isSound ? { tenant, text: JSON.stringify(toOtlp(record)) } : undefined;
}

function isIdOf(digits: number, id: string): boolean {
  return id.length === digits && hex.test(id) && !/^0+$/.test(id);
}

/** One resource a tenant. */
export function exportBody(spans: readonly WaitingSpan[], resource: Resource): string {
  const byTenant = Map.groupBy(spans, ({ tenant }) => tenant);
  const scope = JSON.stringify({ name: "agentflow", version: resource.version });
  const resources = [...byTenant].map(([tenant, own]) => {
    const attributes = resourceAttributes(resource, tenant);
    const texts = own.map(({ text }) => text).join(",");
    return `{"resource":{"attributes":${attributes}},"scopeSpans":[{"scope":${scope},"spans":[${texts}]}]}`;
  });
  return `{"resourceSpans":[${resources.join(",")}]}`;
}

function resourceAttributes({ version, node }: Resource, tenant: string): string {
  const pairs = {
    "service.name": "agentflow",
    "service.version": version,
    "service.instance.id": node,
    "agentflow.tenant": tenant,
  };
  return JSON.stringify(Object.entries(pairs).map(([key, stringValue]) => ({ key, value: { stringValue } })));
}
