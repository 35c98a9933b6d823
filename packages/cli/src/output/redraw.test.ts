/** What is drawn over on a terminal begins in its first column, wherever an echoed ^C has left the cursor. */
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createOutput } from "./output.ts";

test("lines are drawn over from the first column on", () => {
  const written: string[] = [];
  const stderr = Object.assign(new PassThrough(), { isTTY: true });
  stderr.on("data", (chunk: Buffer) => written.push(chunk.toString("utf8")));
  const output = createOutput({
    json: false,
    debug: false,
    noColor: true,
    stdout: new PassThrough(),
    stderr,
    environment: { TERM: "xterm" },
  });
  output.redraw(["one", "two"], 0);
  output.redraw(["three"], 2);
  expect(written.join("")).toBe("one\ntwo\n\r\u001b[2A\u001b[0Jthree\n");
});
