import { readFileSync } from "node:fs";

/** The release that this package is of; undefined where it does not say. */
export function readRelease(): string | undefined {
  try {
    const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
    const { version } = JSON.parse(text) as { readonly version?: unknown };
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}
