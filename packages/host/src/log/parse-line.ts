/** The door for a line of ours that is opened again, because something in it must be hidden. */
import type { Json } from "@agentflow/protocol";
import { redactJson, type Secrets } from "./secrets.ts";

/** Readers rely on these, and no caller chooses them. */
const kept: ReadonlySet<string> = new Set(["v", "kind", "at", "level", "source", "attempt", "writer", "seq"]);

/** A written record without secrets; still a record, whatever the secrets are. */
export function redactLine(written: string, secrets: Secrets): string {
  // Escaped as it stands there, a secret is found in the line as a whole; most lines end here.
  if (secrets.redact(written) === written) return written;
  const record = JSON.parse(written) as { readonly [key: string]: Json };
  const entries = Object.entries(record).map(([key, value]): [string, Json] => {
    return [key, kept.has(key) ? value : redactJson(value, secrets)];
  });
  return JSON.stringify(Object.fromEntries(entries));
}
