/** Quantities as Kubernetes writes them: `250m`, `1Gi`, `12345n`, `1e3`. */
import type { Json } from "@agentflow/protocol";

const units: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["n", 1e-9],
  ["u", 1e-6],
  ["m", 1e-3],
  ["k", 1e3],
  ["M", 1e6],
  ["G", 1e9],
  ["T", 1e12],
  ["P", 1e15],
  ["E", 1e18],
  ["Ki", 1024],
  ["Mi", 1024 ** 2],
  ["Gi", 1024 ** 3],
  ["Ti", 1024 ** 4],
  ["Pi", 1024 ** 5],
  ["Ei", 1024 ** 6],
]);

/** Undefined for what is no quantity. */
export function quantity(text: Json | undefined): number | undefined {
  if (typeof text !== "string") return undefined;
  const [, digits = "", unit = ""] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = units.get(unit);
  return digits === "" || factor === undefined ? undefined : Number(digits) * factor;
}
