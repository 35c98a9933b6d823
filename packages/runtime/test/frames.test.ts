import { duplexPair } from "node:stream";
import { describe, expect, test } from "vitest";
import { encodeFrame, frameBytesMax, frameReader, openChannel, type Message } from "../src/channel/frames.ts";

describe("frames", () => {
  const messages: Message[] = [
    ["a", 1],
    ["b", { text: "ä\u2028" }],
  ];

  test("come out whole and in order, however the bytes were cut", () => {
    const bytes = Buffer.concat([encodeFrame(messages), encodeFrame([["c"]])]);
    for (let size = 1; size <= bytes.length; size++) {
      const got: Message[] = [];
      const read = frameReader((frame) => got.push(...frame));
      for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
      expect(got).toEqual([...messages, ["c"]]);
    }
  });

  test.each([
    ["a length over the limit", Buffer.from([0xff, 0xff, 0xff, 0xff, 0])],
    ["text that is not JSON", framed("{")],
    ["JSON that is not a list", framed(`{"a":1}`)],
    ["a message without a kind", framed("[[1]]")],
  ])("%s is refused", (_, bytes) => {
    expect(() => frameReader(() => {})(bytes)).toThrow(/frame|message/);
  });

  test("what is said in one turn and too long for one frame leaves in several, in order", async () => {
    const [near, far] = duplexPair();
    const got: unknown[] = [];
    const third = "x".repeat(frameBytesMax / 3);
    openChannel(far, (message) => got.push(message[1]));
    const channel = openChannel(near, () => {});
    for (let n = 0; n < 5; n++) channel.send(["a", n, third]);
    expect(() => channel.send(["a", 5, third.repeat(3)])).toThrow(/over/);
    expect(() => channel.send(["a", 6n])).toThrow(/BigInt/);
    channel.send(["a", 7]);
    await expect.poll(() => got, { timeout: 10_000 }).toEqual([0, 1, 2, 3, 4, 7]);
  });

  test("a frame that is too long is refused where it is made", () => {
    expect(() => encodeFrame([["a", "x".repeat(frameBytesMax)]])).toThrow(/over/);
  });
});

function framed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}
