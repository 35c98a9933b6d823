/** Quantities that are added up: cores and bytes as numbers, and back as a server writes them. */
import { textAt } from "../json.ts";
import type { Json } from "../object.ts";
import { quantity } from "../world/quantity.ts";

export function amountAt(value: Json | undefined, ...path: readonly string[]): number | undefined {
  const text = textAt(value, ...path);
  return text === undefined ? undefined : quantity(text);
}

const binary = ["", "Ki", "Mi", "Gi", "Ti"];

export function amountText(name: string, amount: number): string {
  if (name.endsWith("cpu")) {
    const milli = Math.round(amount * 1000);
    return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`;
  }
  if (!/memory$|storage$/.test(name)) return String(amount);
  let rest = amount;
  let step = 0;
  while (rest !== 0 && rest % 1024 === 0 && step < binary.length - 1) {
    rest /= 1024;
    step++;
  }
  return `${rest}${binary[step] ?? ""}`;
}
