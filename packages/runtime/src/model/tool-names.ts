/** Names of tools as providers take them: letters, digits, `_` and `-`, at most 64 of them. */
import { createHash } from "node:crypto";

const charsMax = 64;

export interface ToolNames {
  /** As the provider is told it. */
  shown(name: string): string;
  /** Back to ours; a name that is none of ours stays as it is. */
  meant(shown: string): string;
}

export function toolNames(tools: readonly { readonly name: string }[]): ToolNames {
  const meant = new Map(tools.map(({ name }) => [shownName(name), name]));
  return { shown: shownName, meant: (shown) => meant.get(shown) ?? shown };
}

function shownName(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9_-]/g, "_");
  if (plain.length <= charsMax) return plain === "" ? "_" : plain;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return `${plain.slice(0, charsMax - 9)}_${hash}`;
}
