/** The release that a package.json is of. */
export function parseVersion(text: string): string {
  const { version } = JSON.parse(text) as { readonly version?: unknown };
  if (typeof version !== "string") throw new Error("package.json names no version");
  return version;
}
