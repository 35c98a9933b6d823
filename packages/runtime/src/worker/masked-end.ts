/** How a call ended, without secrets: before it is reported, stored or looked at. */
import { hash } from "node:crypto";
import { parseJson } from "../channel/parse-json.ts";
import type { CallEnd } from "../channel/runner-messages.ts";
import { maskedFailure } from "./masked-failure.ts";
import type { Masks } from "./masks.ts";
import type { CallLost } from "./runner-port.ts";

export function masked(end: CallEnd | CallLost, masks: Masks): CallEnd | CallLost {
  switch (end.kind) {
    case "lost":
      return { ...end, reason: masks.text(end.reason) };
    case "output":
      return { ...end, output: masks.value(end.output) };
    case "failed":
      return { ...end, failure: maskedFailure(end.failure, masks) };
    case "big":
      return maskedBig(end, masks);
    default:
      return end;
  }
}

function maskedBig(end: CallEnd & { readonly kind: "big" }, masks: Masks): CallEnd {
  if (masks.text(end.text) === end.text) return end;
  const text = JSON.stringify(masks.value(parseJson(end.text)));
  return { ...end, text, bytes: Buffer.byteLength(text), sha256: hash("sha256", text) };
}
