import { AgentFlowError } from "@agentflow/protocol";
import { checkBlobKey, checkBlobSize } from "../../port/check.ts";
import { blobBytesMax } from "../../port/index.ts";
import type { Message } from "./frame.ts";
import { operation, socketLimits } from "./operations.ts";
import * as parse from "./parse-message.ts";
import type { Handlers, Talk } from "./talk.ts";

interface Upload {
  readonly parts: Buffer[];
  bytes: number;
}

export function blobHandlers(talk: Talk): Handlers {
  const { blobs } = talk.bus;
  const uploads = new Map<number, Upload>();
  const settle = <T>(id: number, work: Promise<T>, facts: (result: T) => unknown): void => {
    work.then(
      (result) => talk.answer(id, facts(result)),
      (error: unknown) => talk.fail(id, error),
    );
  };
  return {
    gone: () => uploads.clear(),
    on: {
      [operation.putBlob]: (message) => {
        const { key, whole } = takePart(uploads, message);
        if (whole === undefined) talk.answer(message.id);
        else settle(message.id, blobs.put(key, whole), () => null);
      },
      [operation.getBlob]: ({ id, facts }) => {
        const [key, from] = parse.tuple(facts, 2);
        blobs.part(parse.text(key), parse.count(from), socketLimits.blobPartBytes).then(
          (part) => {
            if (part === undefined) talk.answer(id);
            else talk.answer(id, part.size, [part.bytes.toString("base64")]);
          },
          (error: unknown) => talk.fail(id, error),
        );
      },
      [operation.deleteBlob]: ({ id, facts }) => {
        settle(id, blobs.delete(parse.text(parse.tuple(facts, 1)[0])), () => null);
      },
      [operation.listBlobs]: ({ id, facts }) => {
        const [prefix, after] = parse.tuple(facts, 2);
        settle(id, blobs.list(parse.text(prefix), { after: parse.text(after) }), (keys) => keys);
      },
    },
  };
}

/** [upload, key, isFirst, isLast] and a part; the whole once it is complete. */
function takePart(uploads: Map<number, Upload>, { facts, bodies }: Message): { key: string; whole?: Buffer } {
  const [number, name, first, last] = parse.tuple(facts, 4);
  const [which, key] = [parse.count(number), parse.text(name)];
  const [isFirst, isLast] = [parse.flag(first), parse.flag(last)];
  checkBlobKey(key);
  const part = Buffer.from(parse.body(bodies), "base64");
  if (isFirst && isLast) return { key, whole: part };
  if (isFirst) begin(uploads, which);
  const upload = uploads.get(which);
  if (upload === undefined) {
    throw new AgentFlowError("unavailable", "the blob's first parts are gone", { reason: "upload_lost" });
  }
  upload.parts.push(part);
  upload.bytes += part.length;
  if (isLast || upload.bytes > blobBytesMax) uploads.delete(which);
  checkBlobSize(upload.bytes);
  return isLast ? { key, whole: Buffer.concat(upload.parts, upload.bytes) } : { key };
}

/** A client sends no more at once than it may: what is beyond that it gave up in the middle. */
function begin(uploads: Map<number, Upload>, which: number): void {
  const [oldest] = uploads.keys();
  if (uploads.size >= socketLimits.uploadsOpen && oldest !== undefined) uploads.delete(oldest);
  uploads.set(which, { parts: [], bytes: 0 });
}
