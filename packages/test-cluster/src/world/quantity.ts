/** Quantities of Kubernetes as numbers: cores, bytes, counts. */
const units: Readonly<Record<string, number>> = {
  "": 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

export function quantity(text: string | number): number {
  const [, digits = "0", unit = ""] = /^([0-9.eE+-]+?)([a-zA-Z]*)$/.exec(String(text)) ?? [];
  return Number(digits) * (units[unit] ?? 1);
}
