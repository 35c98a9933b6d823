import { clip, limits } from "./limits.ts";
import { asObject } from "./lockfile.ts";
import type { Licence } from "./spdx.ts";
import { parseSpdx } from "./spdx.ts";

export const missingLicence: Licence = { text: "(none)", class: "missing" };

/** The licence that a manifest or a lockfile entry declares, normalised; `missing` when it declares none. */
export function licenceOf(declared: { readonly license?: unknown; readonly licenses?: unknown }): Licence {
  const text = textOf(declared.license) ?? textOf(declared.licenses);
  return text === undefined ? missingLicence : normalise(text);
}

/** One licence text in canonical form with its class. What is no licence stays as it is, as `unknown`. */
export function normalise(text: string): Licence {
  const trimmed = text.trim().replace(/\s+/g, " ");
  if (trimmed === "") return missingLicence;
  const usual = nicknames.get(trimmed.toLowerCase());
  const shown = clip(trimmed, limits.textCharsMax);
  return parseSpdx(usual ?? shown) ?? { text: shown, class: "unknown" };
}

/** npm allows a string; older packages have `{type, url}` or a list of either, which means a choice. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value.trim() === "" ? undefined : value;
  if (Array.isArray(value)) {
    const texts = value.map(textOf).filter((text) => text !== undefined);
    const wrapped = texts.map((text) => nicknames.get(text.trim().toLowerCase()) ?? text);
    return texts.length === 0 ? undefined : wrapped.join(" OR ");
  }
  const object = asObject(value);
  return object === undefined ? undefined : (textOf(object["type"]) ?? textOf(object["name"]));
}

/** Spellings that packages really use for licences that have an id. */
const nicknames: ReadonlyMap<string, string> = new Map([
  ["apache", "Apache-2.0"],
  ["apache 2", "Apache-2.0"],
  ["apache 2.0", "Apache-2.0"],
  ["apache-2", "Apache-2.0"],
  ["apache2", "Apache-2.0"],
  ["apache license 2.0", "Apache-2.0"],
  ["apache license, version 2.0", "Apache-2.0"],
  ["bsd-2", "BSD-2-Clause"],
  ["simplified bsd", "BSD-2-Clause"],
  ["bsd-3", "BSD-3-Clause"],
  ["new bsd", "BSD-3-Clause"],
  ["gplv2", "GPL-2.0-only"],
  ["gplv3", "GPL-3.0-only"],
  ["lgplv3", "LGPL-3.0-only"],
  ["agplv3", "AGPL-3.0-only"],
  ["mit license", "MIT"],
  ["the mit license", "MIT"],
  ["mit/x11", "MIT OR X11"],
  ["mpl 2.0", "MPL-2.0"],
  ["mpl2", "MPL-2.0"],
  ["the unlicense", "Unlicense"],
]);
