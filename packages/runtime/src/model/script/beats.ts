/** A reply in time: the pieces it comes in, and what lies between them. */
import type { ReplyPart, ScriptPace } from "@agentflow/protocol";
import type { ScriptAnswer } from "./answer.ts";

export type Beat =
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "begin"; readonly index: number; readonly part: ReplyPart }
  /** A piece of the part's text, or of a call's arguments. */
  | { readonly kind: "delta"; readonly index: number; readonly part: ReplyPart; readonly text: string }
  | { readonly kind: "end"; readonly index: number; readonly part: ReplyPart }
  /** Something that is no JSON. */
  | { readonly kind: "malformed" }
  /** The connection breaks; nothing follows. */
  | { readonly kind: "cut" }
  | { readonly kind: "finish" };

type Reply = Extract<ScriptAnswer, { kind: "reply" }>;

/** Joined, the pieces are letter by letter the reply, up to where it is cut. */
export function* beatsOf({ reply, pace, cut, malformed }: Reply): Generator<Beat> {
  let left = cut ?? Number.POSITIVE_INFINITY;
  let first = true;
  if (pace.delayMs !== undefined && pace.delayMs > 0) yield { kind: "wait", ms: pace.delayMs };
  for (const [index, part] of reply.parts.entries()) {
    yield { kind: "begin", index, part };
    for (const piece of piecesOf(part, pace)) {
      const ms = waitFor(piece, pace);
      if (ms > 0) yield { kind: "wait", ms };
      const text = piece.slice(0, left);
      left -= text.length;
      if (text !== "") yield { kind: "delta", index, part, text };
      if (left <= 0) {
        yield { kind: "cut" };
        return;
      }
      if (first && malformed === true) yield { kind: "malformed" };
      first = false;
    }
    yield { kind: "end", index, part };
  }
  if (first && malformed === true) yield { kind: "malformed" };
  // What is shorter than the cut still loses its end.
  yield cut === undefined ? { kind: "finish" } : { kind: "cut" };
}

/** A part's letters: its text, or the JSON of a call's arguments. */
export function lettersOf(part: ReplyPart): string {
  if (part.kind !== "call") return part.text;
  return part.text ?? JSON.stringify(part.input ?? {});
}

const pieceCharsMax = 16 * 1024;
const argumentChars = 16;

function piecesOf(part: ReplyPart, pace: ScriptPace): readonly string[] {
  const text = lettersOf(part);
  if (pace.chunks !== undefined) return bySize(text, Math.max(1, Math.ceil(text.length / pace.chunks)));
  if (text.length > 4 * pieceCharsMax) return bySize(text, pieceCharsMax);
  if (part.kind === "call") return bySize(text, argumentChars);
  return (text.match(/\s*\S+\s*/g) ?? [text]).flatMap((word) => bySize(word, pieceCharsMax));
}

/** Never between the two halves of one letter: half a letter is no text. */
function bySize(text: string, size: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + size);
    if (end < text.length && isHighHalf(text.charCodeAt(end - 1))) end += 1;
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}

function isHighHalf(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function waitFor(piece: string, { tokensPerSecond }: ScriptPace): number {
  return tokensPerSecond === undefined ? 0 : (piece.length / 4 / tokensPerSecond) * 1_000;
}
