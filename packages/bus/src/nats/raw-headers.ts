/** Headers whose bytes are known: the library's own are a map of lists that is built and walked each time. */
import { MsgHdrsImpl } from "@nats-io/transport-node";

export class RawHeaders extends MsgHdrsImpl {
  readonly #bytes: Uint8Array;

  /** `lines`: `Name: value`, each ended by CRLF. Values are ours, never a user's. */
  constructor(lines: string) {
    super();
    this.#bytes = Buffer.from(`NATS/1.0\r\n${lines}\r\n`, "latin1");
  }

  override encode(): Uint8Array {
    return this.#bytes;
  }
}

/** The fence: the message is stored only while the subject's last one has this sequence. */
export function fence(sequence: number): RawHeaders {
  return new RawHeaders(`Nats-Expected-Last-Subject-Sequence: ${sequence}\r\n`);
}
