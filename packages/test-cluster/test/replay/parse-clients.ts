/** What a client sent, as it was recorded: several requests each, of which the answers' heads are known. */
import type { Json } from "../../src/object.ts";

export interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Json;
  readonly status: number;
  /** Of the answer. */
  readonly type: string | undefined;
  /** Of an upgrade: what was offered, what was taken, and what then came in each channel. */
  readonly protocols: readonly string[];
  readonly protocol: string | undefined;
  readonly parts?: readonly (readonly [number, string])[];
  /** Of long messages only the beginning was recorded. */
  readonly isCut: boolean;
}

export interface Recorded {
  readonly requests: readonly Request[];
}

interface Written extends Omit<Request, "type" | "protocols" | "protocol" | "parts" | "isCut"> {
  readonly responseContentType?: string | null;
  readonly responseHeaders?: Readonly<Record<string, string>>;
  readonly fromServer?: readonly Chunk[];
}

interface Chunk {
  readonly bytes: number;
  readonly hex: string;
}

export function parseRecording(text: string): Recorded {
  const { requests } = JSON.parse(text) as { readonly requests: readonly Written[] };
  return { requests: requests.map(requestOf) };
}

function requestOf({ responseContentType, responseHeaders, fromServer, ...rest }: Written): Request {
  const offered = rest.headers["sec-websocket-protocol"] ?? "";
  const protocol = responseHeaders?.["sec-websocket-protocol"];
  return {
    ...rest,
    type: responseContentType ?? undefined,
    protocols: offered === "" ? [] : offered.split(/,\s*/),
    protocol,
    isCut: (fromServer ?? []).some(({ bytes, hex }) => hex.length < bytes * 2),
    ...(protocol?.includes("channel") === true ? { parts: partsOf(fromServer ?? []) } : {}),
  };
}

/** The texts of each channel, out of the bytes of whole messages of a WebSocket. */
function partsOf(chunks: readonly Chunk[]): [number, string][] {
  const parts = new Map<number, string>();
  for (const { hex } of chunks) readInto(parts, Buffer.from(hex, "hex"));
  return [...parts].sort(([one], [other]) => one - other);
}

function readInto(parts: Map<number, string>, chunk: Buffer): void {
  let rest = chunk;
  while (rest.length >= 2) {
    const short = (rest[1] ?? 0) & 127;
    const head = short === 126 ? 4 : 2;
    const length = short === 126 ? rest.readUInt16BE(2) : short;
    const payload = rest.subarray(head, head + length);
    // A message in binary; what ends the connection is none.
    if (((rest[0] ?? 0) & 15) === 2) {
      const channel = payload[0] ?? 0;
      parts.set(channel, (parts.get(channel) ?? "") + payload.toString("utf8", 1));
    }
    rest = rest.subarray(head + length);
  }
}
