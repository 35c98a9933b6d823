/** Whom a command speaks to, where that matters. */
import { nameOfCluster } from "../config/cluster-name.ts";
import type { Installation } from "../config/installation.ts";
import { dim, type Text } from "./text.ts";

/**
 * One dim line; none for the `af dev` of this project and for an address that was typed in this very command.
 */
export function whereText({ url, urls, from, context }: Installation): Text | undefined {
  if (from === "flag" || context?.kind === "dev") return undefined;
  if (context === undefined) return dim(`→ ${url}  (AF_URL)`);
  return dim(`→ ${context.name}  ${context.kind}, ${addressText({ url, urls, context })}`);
}

/** Where it is, also when that is another machine's own address, or those of several control planes. */
export function addressText({ url, urls, context }: Pick<Installation, "url" | "urls" | "context">): string {
  const { cluster } = context ?? {};
  if (cluster !== undefined && url === "") return `through ${nameOfCluster(cluster)}`;
  const host = context?.engine?.host ?? "";
  const on = host === "" || /^(unix|npipe):/.test(host) ? "" : ` on ${host}`;
  return url === "" ? `through its engine${on}` : `${allOf(urls)}${on}`;
}

function allOf([first = "", ...others]: readonly string[]): string {
  return others.length > 1 ? `${first} and ${others.length} more` : [first, ...others].join(", ");
}
