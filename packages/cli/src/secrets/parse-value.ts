/** A secret's value from wherever it may come: never the command line. */
import { AgentFlowError } from "@agentflow/protocol";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";

/** A little more than a value may have, so that a longer one is seen to be longer. */
const readBytesMax = 64 * 1024 + 4;

export async function readValueFromStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > readBytesMax) break;
  }
  return textOf(Buffer.concat(chunks), "standard input");
}

export function readValueFromFile(folder: string, file: string): string {
  const path = resolve(folder, file);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  try {
    if (!fstatSync(fd).isFile()) throw unreadable(path, undefined);
    const buffer = Buffer.alloc(readBytesMax);
    let length = 0;
    for (;;) {
      const read = readSync(fd, buffer, length, readBytesMax - length, null);
      if (read === 0) break;
      length += read;
    }
    return textOf(buffer.subarray(0, length), path);
  } finally {
    closeSync(fd);
  }
}

/** The newline that `echo` and editors put at the end is no part of a secret; the one before it would be. */
function textOf(bytes: Buffer, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes).replace(/\r?\n$/, "");
  } catch {
    throw new AgentFlowError("invalid_input", "the value is no UTF-8 text", {
      reason: "not_text",
      details: { where },
      suggestions: ["encode it first: base64 FILE | af secrets set NAME"],
    });
  }
}

function unreadable(path: string, cause: unknown): AgentFlowError {
  return new AgentFlowError("invalid_input", "the file of the value cannot be read", {
    reason: "value_file",
    details: { where: path },
    cause,
    suggestions: ["check the path; it is taken from the folder you are in (or -C)"],
  });
}
