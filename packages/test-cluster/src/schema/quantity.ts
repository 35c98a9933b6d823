/** Amounts of resources: read exactly, written as the server writes them. */

const grammar = /^([+-]?)(\d*)(?:\.(\d*))?(m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?$/;
const decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const nanosInOne = 1_000_000_000n;

export const quantityGrammar =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

export interface Quantity {
  /** In billionths: nothing smaller is kept. */
  readonly nanos: bigint;
  readonly form: "decimal" | "binary" | "exponent";
}

export function parseQuantity(text: string): Quantity | undefined {
  const found = grammar.exec(text);
  const digits = `${found?.[2] ?? ""}${found?.[3] ?? ""}`;
  if (found === null || digits === "") return undefined;
  const suffix = found[4] ?? "";
  const exponent = /^[eE][+-]?\d+$/.test(suffix) && suffix !== "E";
  const scale = 10n ** BigInt((found[3] ?? "").length);
  const units = unitOf(suffix, exponent);
  const plain = BigInt(digits) * units.times;
  const below = scale * units.divided;
  // Rounded up, away from zero.
  const nanos = (plain + below - 1n) / below;
  const form = exponent ? "exponent" : suffix.endsWith("i") ? "binary" : "decimal";
  return { nanos: found[1] === "-" ? -nanos : nanos, form };
}

function unitOf(suffix: string, exponent: boolean): { times: bigint; divided: bigint } {
  if (suffix.endsWith("i"))
    return { times: nanosInOne * 1024n ** BigInt(binary.indexOf(suffix)), divided: 1n };
  const power = exponent ? Number(suffix.slice(1)) + 9 : decimal.indexOf(suffix) * 3;
  return power < 0
    ? { times: 1n, divided: 10n ** BigInt(-power) }
    : { times: 10n ** BigInt(power), divided: 1n };
}

/** `1024Mi` is `1Gi`, `1000m` is `1`; undefined for what is no quantity. */
export function canonicalQuantity(text: string): string | undefined {
  const read = parseQuantity(text);
  if (read === undefined) return undefined;
  const sign = read.nanos < 0n ? "-" : "";
  const size = read.nanos < 0n ? -read.nanos : read.nanos;
  if (size === 0n) return "0";
  // Small or broken binary amounts are written as decimal ones.
  if (read.form === "binary" && size % nanosInOne === 0n && size >= 1024n * nanosInOne) {
    return sign + inBinary(size / nanosInOne);
  }
  return sign + (read.form === "exponent" ? inExponent(size) : inDecimal(size));
}

function inBinary(amount: bigint): string {
  let left = amount;
  let step = 0;
  while (step < binary.length - 1 && left % 1024n === 0n) {
    left /= 1024n;
    step++;
  }
  return `${left}${binary[step] ?? ""}`;
}

function inDecimal(nanos: bigint): string {
  let left = nanos;
  let step = 0;
  while (step < decimal.length - 1 && left % 1000n === 0n) {
    left /= 1000n;
    step++;
  }
  return `${left}${decimal[step] ?? ""}`;
}

function inExponent(nanos: bigint): string {
  let left = nanos;
  let power = -9;
  while (left % 1000n === 0n) {
    left /= 1000n;
    power += 3;
  }
  return power === 0 ? `${left}` : `${left}e${power}`;
}
