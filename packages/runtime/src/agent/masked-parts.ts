/**
 * Live parts without secrets. A secret may be cut by the border of two pieces, so the end of a text waits as
 * long as it could be the beginning of one; places are counted in what is told, as the journal's text is.
 */
import type { StreamRedactor } from "@agentflow/host/log";
import type { LivePart } from "@agentflow/protocol";
import type { Masks } from "../worker/masks.ts";

export interface MaskedParts {
  /** What may be told now; empty when all of it waits. */
  mask(part: LivePart): readonly LivePart[];
  /** What waited: no more of it follows. */
  end(): readonly LivePart[];
}

interface Text {
  readonly kind: "text" | "reasoning";
  readonly n: number;
  readonly stream: StreamRedactor;
  told: number;
}

export function maskedParts(masks: Masks): MaskedParts {
  let open: Text[] = [];
  const piece = (text: Text, shown: string): LivePart[] => {
    if (shown === "") return [];
    const { kind, n } = text;
    const from = text.told;
    text.told += shown.length;
    return [{ kind, n, from, text: shown }];
  };
  const end = (): LivePart[] => open.splice(0).flatMap((text) => piece(text, text.stream.end()));
  const textOf = ({ kind, n }: Pick<Text, "kind" | "n">): Text => {
    const known = open.find((one) => one.kind === kind && one.n === n);
    if (known !== undefined) return known;
    const fresh: Text = { kind, n, stream: masks.stream(), told: 0 };
    open.push(fresh);
    return fresh;
  };
  return {
    mask(part) {
      switch (part.kind) {
        case "text":
        case "reasoning": {
          const before = open.some(({ n }) => n !== part.n) ? end() : [];
          const text = textOf(part);
          return [...before, ...piece(text, text.stream.push(part.text))];
        }
        case "void":
          open = [];
          return [{ ...part, reason: masks.text(part.reason) }];
        case "call":
          return [{ ...part, tool: masks.text(part.tool) }];
        default: {
          const data = part.data === undefined ? {} : { data: masks.value(part.data) };
          return [{ ...part, message: masks.text(part.message), ...data }];
        }
      }
    },
    end,
  };
}
