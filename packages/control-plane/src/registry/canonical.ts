import { hash } from "node:crypto";
import type { DefinitionHash } from "@agentflow/protocol";
import { parseId } from "@agentflow/protocol";

export { canonicalJson } from "@agentflow/protocol";

export function sha256(text: string): DefinitionHash {
  return parseId("definition", hash("sha256", text));
}
