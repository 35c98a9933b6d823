import { expect, test } from "vitest";
import { LogLines, type OutputLine } from "./log-lines.ts";

const time = "2026-01-31T12:00:00.123456789Z";

function frame(kind: 1 | 2, text: string, at = time): Buffer {
  const body = Buffer.from(`${at} ${text}`);
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

function read(bytes: Buffer, chunk = bytes.length): OutputLine[] {
  const out: OutputLine[] = [];
  const lines = new LogLines((line) => out.push(line));
  for (let at = 0; at < bytes.length; at += chunk) lines.push(bytes.subarray(at, at + chunk));
  lines.end();
  return out;
}

const two = Buffer.concat([frame(1, "one \u001b[2J ü\n"), frame(2, "two\r\n", "2026-01-31T12:00:01Z")]);

test.each([1, 2, 7, 8, 9, 33, 1_000])("lines come whole from pieces of %d bytes", (chunk) => {
  expect(read(two, chunk)).toEqual([
    { stream: "stdout", time, text: "one \u001b[2J ü", cut: false },
    { stream: "stderr", time: "2026-01-31T12:00:01Z", text: "two", cut: false },
  ]);
});

test("a long line that the engine sent in several frames is one, with the time of its beginning", () => {
  const later = "2026-01-31T12:00:02.000000000Z";
  const bytes = Buffer.concat([frame(1, "begins, "), frame(2, "between\n"), frame(1, "ends\n", later)]);
  expect(read(bytes).map(({ text, time: at }) => [text, at])).toEqual([
    ["between", time],
    ["begins, ends", time],
  ]);
});

test("of an endless line the beginning is kept, and the next line is whole again", () => {
  const long = Buffer.concat(Array.from({ length: 10 }, () => frame(1, "x".repeat(16_384))));
  const [first, second] = read(Buffer.concat([long, frame(1, "\n"), frame(1, "next\n")]));
  expect(first).toMatchObject({ cut: true });
  expect(first?.text).toHaveLength(65_536);
  expect(second).toMatchObject({ text: "next", cut: false });
});

test("a container that dies in the middle of a line has said that much", () => {
  expect(read(frame(2, "panic: no")).map(({ text }) => text)).toEqual(["panic: no"]);
});

test("what is no stream of frames is refused", () => {
  expect(() => read(Buffer.from("HTTP/1.1 200 OK, and no frames"))).toThrow(/frame/);
});
