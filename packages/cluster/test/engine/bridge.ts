import { hash } from "node:crypto";

/** The bridge of a folder's engine, one of its own each: engines of two folders may run at once. */
export function bridgeOf(folder: string): { readonly [of in "name" | "address" | "network"]: string } {
  const letters = hash("sha256", folder).slice(0, 10);
  const subnet = `10.213.${Number.parseInt(letters.slice(0, 2), 16)}`;
  return { name: `af${letters}`, address: `${subnet}.1/24`, network: `${subnet}.0/24` };
}
