import { type InputId, type RunId, defaultTenant, makeRunId, parseId } from "@agentflow/protocol";
import type { Transport } from "./transport.ts";

export function newRunId(transport: Transport): RunId {
  return makeRunId(transport.now(), transport.random(10));
}

/** The run of a request key: time zero, then the head of SHA-256(tenant, a zero byte, key). */
export async function runIdOfKey(
  transport: Transport,
  of: { readonly key: string; readonly tenant: string | undefined },
): Promise<RunId> {
  const text = `${of.tenant ?? defaultTenant}\0${of.key}`;
  const digest = await transport.sha256(new TextEncoder().encode(text));
  return makeRunId(0, digest.subarray(0, 10));
}

export function newInputId(transport: Transport): InputId {
  const hex = Array.from(transport.random(10), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return parseId("input", `c${hex}`);
}
