import type { Adapter } from "./adapter.ts";

/** What an adapter's file gives; throws when it has no class to offer. The peers' files are plain JavaScript. */
export function parseAdapter(loaded: unknown): new () => Adapter {
  const { default: found } = loaded as { readonly default?: unknown };
  if (typeof found !== "function") throw new Error("an adapter's default export is its class");
  return found as new () => Adapter;
}
