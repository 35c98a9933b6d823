/** Loads an adapter: the default export of its file is a class that takes nothing. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../lib/children.ts";
import type { Adapter, System } from "./adapter.ts";

export async function makeAdapter(system: System): Promise<Adapter> {
  const { href } = pathToFileURL(path.join(ROOT, system.adapter));
  const Found = parseAdapter(await import(href));
  return new Found();
}

/** The peers' files are plain JavaScript: what they give is looked at once, here. */
function parseAdapter(loaded: unknown): new () => Adapter {
  const { default: found } = loaded as { readonly default?: unknown };
  if (typeof found !== "function") throw new Error("an adapter's default export is its class");
  return found as new () => Adapter;
}
