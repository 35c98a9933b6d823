/** The names of Services and pods, for containers: a name server on the address that they can reach. */
import { createSocket } from "node:dgram";

export interface NameServer {
  stop(): Promise<void>;
}

/** Addresses of a name; undefined where there is no such name. */
export type Resolve = (name: string) => readonly string[] | undefined;

const types = { address: 1, address6: 28 } as const;
const secondsKept = 1;

export async function startNameServer(host: string, resolve: Resolve): Promise<NameServer> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const answer = answerTo(query, resolve);
    if (answer !== undefined) socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((done, failed) => {
    socket.once("error", failed);
    socket.bind(53, host, done);
  });
  return { stop: () => new Promise((done) => void socket.close(() => done())) };
}

export function answerTo(query: Buffer, resolve: Resolve): Buffer | undefined {
  if (query.length < 17) return undefined;
  const { name, end } = readName(query, 12);
  const type = query.readUInt16BE(end);
  const question = query.subarray(12, end + 4);
  const addresses = resolve(name.toLowerCase());
  const found = type === types.address ? (addresses ?? []) : [];
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  // An answer, authoritative; 3: there is no such name.
  head.writeUInt16BE(0x8580 | (addresses === undefined ? 3 : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(found.length, 6);
  return Buffer.concat([head, question, ...found.map(record)]);
}

function record(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  // The name is that of the question, twelve bytes from the beginning.
  bytes.writeUInt16BE(0xc00c, 0);
  bytes.writeUInt16BE(types.address, 2);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt32BE(secondsKept, 6);
  bytes.writeUInt16BE(4, 10);
  for (const [index, part] of address.split(".").entries()) bytes.writeUInt8(Number(part), 12 + index);
  return bytes;
}

function readName(query: Buffer, from: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = from;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), end: at + 1 };
}
