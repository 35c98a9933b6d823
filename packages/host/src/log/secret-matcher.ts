/** Finds many texts, and long beginnings of them, in one: the leftmost first, and of those the longest. */

/** Every text looked for is at least so long: its head is what it is found by. */
const headLength = 4;
const pairsSize = 8_192;
/** So much of the beginning of a longer text is found too: somebody may have cut it. */
const beginningLength = 12;

export interface Scanned {
  /** What was read, with each text that was found replaced. */
  readonly out: string;
  /** The end of the text, if more could still make it one that is looked for; empty when nothing follows. */
  readonly rest: string;
}

export class SecretMatcher {
  /** Longest first, by their first letters. */
  readonly #byHead = new Map<string, string[]>();
  /** Shorter beginnings than a head. */
  readonly #beginnings = new Set<string>();
  /** Whether any text begins with two such letters; most places are passed over by this alone. */
  readonly #pairs = new Uint8Array(pairsSize);

  constructor(texts: Iterable<string>) {
    for (const text of [...texts].sort((a, b) => b.length - a.length)) {
      if (text.length < headLength) continue;
      const head = text.slice(0, headLength);
      const same = this.#byHead.get(head);
      if (same === undefined) this.#byHead.set(head, [text]);
      else same.push(text);
      for (let n = 1; n < headLength; n++) this.#beginnings.add(text.slice(0, n));
      this.#pairs[pairOf(text, 0)] = 1;
    }
  }

  scan(text: string, of: { readonly mark: string; readonly more: boolean }): Scanned {
    if (this.#byHead.size === 0) return { out: text, rest: "" };
    let out = "";
    let from = 0;
    let at = 0;
    const pairs = this.#pairs;
    const last = text.length - 1;
    while (at < text.length) {
      // Most of any text is passed over right here.
      while (at < last && pairs[pairOf(text, at)] === 0) at++;
      const end = this.#mayBegin(text, at) ? this.#endOf(text, at, of.more) : at;
      if (end === undefined) return { out: out + text.slice(from, at), rest: text.slice(at) };
      if (end > at) {
        out += text.slice(from, at) + of.mark;
        from = end;
      }
      at = Math.max(end, at + 1);
    }
    return { out: from === 0 ? text : out + text.slice(from), rest: "" };
  }

  #mayBegin(text: string, at: number): boolean {
    return at + 1 === text.length || this.#pairs[pairOf(text, at)] === 1;
  }

  /** Where what begins here ends, with all that begins inside of it; `at`: nothing; undefined: not known. */
  #endOf(text: string, at: number, more: boolean): number | undefined {
    let end = this.#oneEnd(text, at, more);
    if (end === undefined || end === at) return end;
    for (let inner = at + 1; inner < end; inner++) {
      const innerEnd = this.#mayBegin(text, inner) ? this.#oneEnd(text, inner, more) : inner;
      if (innerEnd === undefined) return undefined;
      end = Math.max(end, innerEnd);
    }
    return end;
  }

  #oneEnd(text: string, at: number, more: boolean): number | undefined {
    const left = text.length - at;
    if (left < headLength) return more && this.#beginnings.has(text.slice(at)) ? undefined : at;
    let end = at;
    for (const one of this.#byHead.get(text.slice(at, at + headLength)) ?? []) {
      const same = sameLetters(one, text, at);
      // What is there may go on to be this one.
      if (more && same < one.length && at + same === text.length) return undefined;
      if (same === one.length || same >= beginningLength) end = Math.max(end, at + same);
    }
    return end;
  }
}

/** With how many letters the text at this place begins as `one` does. */
function sameLetters(one: string, text: string, at: number): number {
  if (text.startsWith(one, at)) return one.length;
  const most = Math.min(one.length, text.length - at);
  let n = 0;
  while (n < most && one.charCodeAt(n) === text.charCodeAt(at + n)) n++;
  return n;
}

function pairOf(text: string, at: number): number {
  return ((text.charCodeAt(at) * 31) ^ text.charCodeAt(at + 1)) & (pairsSize - 1);
}
