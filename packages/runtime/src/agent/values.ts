/** Values of a journal: short ones stand in it, long ones are blobs that are there before they are named. */
import type { Blobs } from "@agentflow/bus";
import {
  AgentFlowError,
  type Json,
  type RunId,
  type TenantId,
  type Value,
  inlineBytesMax,
  isInline,
} from "@agentflow/protocol";
import { hash } from "node:crypto";
import { parseJson } from "../channel/parse-json.ts";

export interface Values {
  store(value: Json): Promise<Value>;
  load(value: Value): Promise<Json>;
  /** What was stored or loaded before; throws for a blob that was not. */
  known(value: Value): Json;
}

/** Blobs of one step are read once: a loop names them again with every call of the model. */
export function createValues(of: {
  readonly blobs: Blobs;
  readonly tenant: TenantId;
  readonly run: RunId;
}): Values {
  const { blobs, tenant, run } = of;
  const seen = new Map<string, Json>();
  return {
    async store(value) {
      const text = JSON.stringify(value);
      if (text.length * 3 <= inlineBytesMax) return { inline: value };
      const bytes = Buffer.from(text);
      if (bytes.length <= inlineBytesMax) return { inline: value };
      const key = `${tenant}/${run}/${hash("sha256", bytes)}`;
      if (!seen.has(key)) await blobs.put(key, bytes);
      seen.set(key, value);
      return { blob: key, bytes: bytes.length };
    },
    async load(value) {
      if (isInline(value)) return value.inline;
      const known = seen.get(value.blob);
      if (known !== undefined) return known;
      if (!value.blob.startsWith(`${tenant}/`)) {
        throw new AgentFlowError("forbidden", "a value of another tenant", { reason: "tenant_mismatch" });
      }
      const bytes = await blobs.get(value.blob);
      if (bytes === undefined)
        throw new AgentFlowError("not_found", `the stored value ${value.blob} is gone`);
      const json = parseJson(new TextDecoder().decode(bytes));
      seen.set(value.blob, json);
      return json;
    },
    known(value) {
      if (isInline(value)) return value.inline;
      const found = seen.get(value.blob);
      if (found !== undefined) return found;
      throw new AgentFlowError("internal", `the stored value ${value.blob} was not loaded`);
    },
  };
}
