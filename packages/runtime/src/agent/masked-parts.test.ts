import { createSecrets } from "@agentflow/host/log";
import type { LivePart } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { createMasks } from "../worker/masks.ts";
import { maskedParts } from "./masked-parts.ts";

const whole = "the key is swordfish-99, and swordfish is a fish";

function told(pieces: readonly string[]): { readonly parts: readonly LivePart[]; readonly text: string } {
  const secrets = createSecrets();
  secrets.register("swordfish-99");
  const masked = maskedParts(createMasks(secrets));
  let from = 0;
  const parts = pieces.flatMap((text) => {
    const out = masked.mask({ kind: "text", n: 1, from, text });
    from += text.length;
    return out;
  });
  parts.push(...masked.end());
  return { parts, text: parts.map((part) => (part.kind === "text" ? part.text : "")).join("") };
}

test("a secret that comes in pieces is hidden, and places are those of the text that is told", () => {
  for (let size = 1; size <= whole.length; size++) {
    const pieces = whole.match(new RegExp(`.{1,${size}}`, "g")) ?? [];
    const { parts, text } = told(pieces);
    expect(text).toBe("the key is [redacted], and swordfish is a fish");
    let at = 0;
    for (const part of parts) {
      if (part.kind !== "text") continue;
      expect(part.from).toBe(at);
      at += part.text.length;
    }
  }
});

test("what waits of one reply is told before the next, and forgotten when the reply is void", () => {
  const secrets = createSecrets();
  secrets.register("swordfish-99");
  const masked = maskedParts(createMasks(secrets));
  const text = (n: number, piece: string): LivePart => ({ kind: "text", n, from: 0, text: piece });
  expect(masked.mask(text(1, "my sword"))).toEqual([text(1, "my ")]);
  expect(masked.mask(text(2, "yes"))).toEqual([{ ...text(1, "sword"), from: 3 }, text(2, "ye")]);
  expect(masked.mask({ kind: "void", n: 2, reason: "cut at swordfish-99" })).toEqual([
    { kind: "void", n: 2, reason: "cut at [redacted]" },
  ]);
  expect(masked.end()).toEqual([]);
});
