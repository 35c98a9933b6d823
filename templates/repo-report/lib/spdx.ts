/** SPDX licence expressions: ids, AND, OR, WITH and parentheses. */
import type { LicenceClass } from "./shapes.ts";

export interface Licence {
  /** The expression with canonical ids and as few parentheses as it can do with. */
  readonly text: string;
  readonly class: LicenceClass;
}

/** Reads an expression; undefined when it is not one. An unknown id makes its part `unknown`. */
export function parseSpdx(text: string): Licence | undefined {
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  const reader = { tokens, at: 0 };
  const node = readOr(reader);
  if (node === undefined || reader.at !== tokens.length) return undefined;
  return { text: node.text, class: node.class };
}

/** The class of one id in its canonical form, or undefined when we do not know it. */
export function classOfId(id: string): LicenceClass | undefined {
  return known.get(id.toLowerCase())?.class;
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}
interface Node extends Licence {
  readonly joiner: "OR" | "AND" | undefined;
}

const severity: Readonly<Record<LicenceClass, number>> = {
  permissive: 0,
  "weak-copyleft": 1,
  "strong-copyleft": 2,
  unknown: 3,
  missing: 4,
};

function readOr(reader: Reader): Node | undefined {
  return readJoined(reader, "OR", readAnd);
}

function readAnd(reader: Reader): Node | undefined {
  return readJoined(reader, "AND", readTerm);
}

function readJoined(
  reader: Reader,
  joiner: "OR" | "AND",
  readPart: (reader: Reader) => Node | undefined,
): Node | undefined {
  const parts: Node[] = [];
  do {
    const part = readPart(reader);
    if (part === undefined) return undefined;
    parts.push(part);
  } while (take(reader, joiner));
  const first = parts[0];
  return parts.length === 1 ? first : join(parts, joiner);
}

/** With OR the user may choose, so the mildest class counts; with AND all of them bind. */
function join(parts: readonly Node[], joiner: "OR" | "AND"): Node {
  const ordered = parts.map((part) => part.class).sort((a, b) => severity[a] - severity[b]);
  const chosen = joiner === "OR" ? ordered[0] : ordered.at(-1);
  const texts = parts.map((part) =>
    joiner === "AND" && part.joiner === "OR" ? `(${part.text})` : part.text,
  );
  return { text: texts.join(` ${joiner} `), class: chosen ?? "unknown", joiner };
}

function readTerm(reader: Reader): Node | undefined {
  if (take(reader, "(")) {
    const inner = readOr(reader);
    return inner !== undefined && take(reader, ")") ? inner : undefined;
  }
  const word = reader.tokens[reader.at];
  if (word === undefined || /^([()]|and|or|with)$/i.test(word) || !/^[\w.:+-]+$/.test(word)) return undefined;
  reader.at += 1;
  const licence = readId(word);
  if (!take(reader, "WITH")) return { ...licence, joiner: undefined };
  const exception = reader.tokens[reader.at];
  if (exception === undefined || !/^[\w.-]+$/.test(exception)) return undefined;
  reader.at += 1;
  // An exception (Classpath, GCC, LLVM) lifts part of what a strong copyleft asks.
  const softened = licence.class === "strong-copyleft" ? "weak-copyleft" : licence.class;
  return { text: `${licence.text} WITH ${exception}`, class: softened, joiner: undefined };
}

function take(reader: Reader, word: string): boolean {
  if (reader.tokens[reader.at]?.toUpperCase() !== word) return false;
  reader.at += 1;
  return true;
}

function readId(word: string): Licence {
  const gnu = /^(a?gpl|lgpl)-(\d\.\d)(\+)?$/i.exec(word);
  const current = gnu === null ? word : `${gnu[1]}-${gnu[2]}-${gnu[3] === undefined ? "only" : "or-later"}`;
  const plain = current.endsWith("+") ? current.slice(0, -1) : current;
  const found = known.get(plain.toLowerCase());
  if (found === undefined) return { text: word, class: "unknown" };
  return { text: current === plain ? found.id : `${found.id}+`, class: found.class };
}

const ids: Readonly<Record<Exclude<LicenceClass, "unknown" | "missing">, string>> = {
  permissive: `0BSD AFL-2.1 AFL-3.0 Apache-1.1 Apache-2.0 Artistic-2.0 BlueOak-1.0.0 BSD BSD-1-Clause
    BSD-2-Clause BSD-2-Clause-Patent BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause BSL-1.0 CC-BY-3.0
    CC-BY-4.0 CC0-1.0 ECL-2.0 FSFAP HPND ISC MIT MIT-0 MS-PL MulanPSL-2.0 NCSA OFL-1.1 OpenSSL
    PostgreSQL Python-2.0 Unicode-3.0 Unicode-DFS-2016 Unlicense UPL-1.0 W3C WTFPL X11 Zlib ZPL-2.1`,
  "weak-copyleft": `APSL-2.0 CDDL-1.0 CDDL-1.1 CECILL-C CPL-1.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 IPL-1.0
    LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later
    MPL-1.0 MPL-1.1 MPL-2.0 MPL-2.0-no-copyleft-exception MS-RL`,
  "strong-copyleft": `AGPL-1.0-only AGPL-1.0-or-later AGPL-3.0-only AGPL-3.0-or-later CC-BY-SA-3.0
    CC-BY-SA-4.0 CECILL-2.1 GPL-1.0-only GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only
    GPL-3.0-or-later OSL-3.0 SSPL-1.0`,
};

const known: ReadonlyMap<string, { id: string; class: LicenceClass }> = new Map(
  (["permissive", "weak-copyleft", "strong-copyleft"] as const).flatMap((kind) =>
    ids[kind].split(/\s+/).map((id) => [id.toLowerCase(), { id, class: kind }] as const),
  ),
);
