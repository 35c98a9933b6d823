/** Whether an answer is the recorded one, but for what differs from run to run. */
import { isArray, isObject, textAt } from "../../src/json.ts";
import type { Json } from "../../src/object.ts";

/** What stands where in the recording, and where here: the same there is the same here, and the other way. */
export class Likeness {
  readonly #here = new Map<string, string>();
  readonly #there = new Map<string, string>();

  /** What a recording names that no answer before has shown. */
  learn(there: string, here: string): void {
    this.#here.set(there, here);
  }

  /** A text of a recorded request, with what has another value here put in. */
  translated(text: string): string {
    let made = text;
    for (const [there, here] of this.#here) {
      if (there.length > 3) made = made.replaceAll(there, here);
    }
    return made;
  }

  /** What differs, each with its path; paths that match `leftOut` may be missing here. */
  differences(there: Json | undefined, here: Json | undefined, leftOut: readonly string[]): string[] {
    const found: string[] = [];
    this.#compare({ found, leftOut }, "", there, here);
    return found;
  }

  #compare(out: Out, path: string, there: Json | undefined, here: Json | undefined): void {
    if (here === undefined) {
      if (there !== undefined && !isLeftOut(path, out.leftOut)) out.found.push(`${path}: missing`);
      return;
    }
    if (isLeftOut(path, out.leftOut)) return;
    if (isObject(there) && isObject(here)) this.#compareObjects(out, path, there, here);
    else if (isArray(there) && isArray(here)) this.#compareLists(out, path, ordered(there), ordered(here));
    else if (typeof there === "string" && typeof here === "string")
      this.#compareTexts(out, path, there, here);
    else if (there !== here && !(typeof here === typeof there && path.endsWith(".nodePort")))
      out.found.push(`${path}: ${shown(there)} was recorded, here it is ${shown(here)}`);
  }

  #compareObjects(out: Out, path: string, there: Fields, here: Fields): void {
    for (const key of new Set([...Object.keys(there), ...Object.keys(here)])) {
      const below = path === "" ? key : `${path}.${key}`;
      if (here[key] === undefined && out.leftOut.some((left) => names(left, path, key))) continue;
      this.#compare(out, below, there[key], here[key]);
    }
  }

  #compareLists(out: Out, path: string, recorded: readonly Json[], here: readonly Json[]): void {
    const plain = path.replaceAll(/\[\d+\]/g, "[]");
    const has = new Set(here.map(nameOf));
    // What is there here is compared: only absence is let pass.
    const there = recorded.filter(
      (one) => has.has(nameOf(one)) || !out.leftOut.some((left) => names(left, plain, nameOf(one))),
    );
    if (there.length !== here.length) {
      const told = (list: readonly Json[]) => list.map(nameOf).join(", ");
      out.found.push(
        `${path}: ${there.length} were recorded (${told(there)}), here ${here.length} (${told(here)})`,
      );
      return;
    }
    for (const [index, one] of there.entries()) this.#compare(out, `${path}[${index}]`, one, here[index]);
  }

  #compareTexts(out: Out, path: string, there: string, here: string): void {
    if (isTime(there) && isTime(here)) return;
    const key = path.slice(path.lastIndexOf(".") + 1).replace(/\[\d+\]$/, "");
    if (varies.has(key) || key.endsWith("uid")) {
      // Versions of lists move with whatever else goes on in a cluster.
      if (key === "resourceVersion" && path === "metadata.resourceVersion" && !this.#here.has(there)) {
        this.#here.set(there, here);
        return;
      }
      this.#same(out, path, there, here);
    } else if (key === "name" && suffixed(there) === suffixed(here)) this.#same(out, path, there, here);
    else if (masked(there) !== masked(here))
      out.found.push(`${path}: ${shown(there)} was recorded, here it is ${shown(here)}`);
  }

  #same(out: Out, path: string, there: string, here: string): void {
    const known = this.#here.get(there);
    const back = this.#there.get(here);
    this.#here.set(there, known ?? here);
    this.#there.set(here, back ?? there);
    if (known !== undefined && known !== here) {
      out.found.push(`${path}: what was ${known} for ${there} is now ${here}`);
    } else if (back !== undefined && back !== there && !path.includes("resourceVersion")) {
      out.found.push(`${path}: ${here} stands for ${back} already, not for ${there}`);
    }
  }
}

type Fields = Readonly<Record<string, Json>>;

interface Out {
  readonly found: string[];
  readonly leftOut: readonly string[];
}

/** Versions and ids, and addresses that a cluster gives out of a range of its own. */
const varies = new Set(["resourceVersion", "continue", "uid", "etag", "clusterIP", "clusterIPs"]);

/** `items[].spec.x` is at any index; a name at the end leaves out all below it; `*.x` is anywhere. */
function isLeftOut(path: string, leftOut: readonly string[]): boolean {
  const plain = path.replaceAll(/\[\d+\]/g, "[]");
  return leftOut.some((one) =>
    one.startsWith("*.")
      ? plain.endsWith(one.slice(1)) || plain === one.slice(2)
      : plain === one || plain.startsWith(`${one}.`),
  );
}

/** What has no order: conditions, managers, rules. */
function ordered(list: readonly Json[]): readonly Json[] {
  const [first] = list;
  if (textAt(first, "manager") !== undefined)
    return list.toSorted(by(["manager", "operation", "subresource"]));
  if (isObject(first) && "verbs" in first)
    return list.toSorted((one, other) => (shown(one) < shown(other) ? -1 : 1));
  return textAt(first, "lastTransitionTime") === undefined ? list : list.toSorted(by(["type"]));
}

function by(keys: readonly string[]) {
  const rank = (one: Json) => keys.map((key) => textAt(one, key) ?? "").join(" ");
  return (one: Json, other: Json) => (rank(one) < rank(other) ? -1 : 1);
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text);
}

function suffixed(name: string): string | undefined {
  return /^(.*-)[a-z0-9]{5}$/.exec(name)?.[1];
}

/** Numbers and ids in messages that are another's in each run. */
function masked(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<uid>")
    .replaceAll(/resource version: \d+( \(\d+\))?/g, "resource version: <n>")
    .replaceAll(/current: \d+/g, "current: <n>")
    .replaceAll(/(precondition|record) \(\d+\)/g, "$1 (<n>)")
    .replaceAll(/127\.0\.0\.1:\d+|10\.250\.0\.1:6443/g, "<address>")
    .replaceAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g, "<certificate>")
    .replaceAll(/"([a-z0-9-]+)-[a-z0-9]{10}(-([a-z0-9]{5})?)?"/g, '"$1-<suffix>"')
    .replaceAll(/hash=[0-9A-F]+/g, "hash=<hash>");
}

/** `resources{bindings}`: of that list the one of that name; `paths{/healthz/*}`: all that begin so. */
function names(leftOut: string, path: string, name: string): boolean {
  const [, list, wanted = ""] = /^(.*)\{(.*)\}$/.exec(leftOut) ?? [];
  if (list !== path) return false;
  return wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

const naming = ["manager", "name", "resource", "groupVersion", "version", "type"];

function nameOf(one: Json): string {
  if (typeof one === "string") return one;
  const inner = textAt(one, "metadata", "name") ?? textAt(one, "configMap", "name");
  return inner ?? naming.map((key) => textAt(one, key)).find((text) => text !== undefined) ?? "?";
}

function shown(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
