/** A run's input from the command line: a file, standard input, JSON, or keys and values. */
import { AgentFlowError, type Json } from "@agentflow/protocol";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

export interface InputSource {
  readonly folder: string;
  readStdin(): Promise<string>;
}

type Keys = { [key: string]: Json };

const stdinBytesMax = 16 * 1024 * 1024;

/** Undefined when nothing was given. Keys and values are put over an object that was given before them. */
export async function readInput(words: readonly string[], from: InputSource): Promise<Json | undefined> {
  let input: Json | undefined;
  for (const word of words) {
    const pair = /^([A-Za-z_][A-Za-z0-9_.-]*)(:?=)(.*)$/s.exec(word);
    if (pair === null) input = await readWhole(word, from);
    else
      input = withKey(input, { key: pair[1] ?? "", value: valueOf(pair[2] === ":=", pair[3] ?? "", word) });
  }
  return input;
}

function valueOf(isJson: boolean, text: string, word: string): Json {
  return isJson ? parseJson(text, word) : text;
}

function withKey(input: Json | undefined, pair: { key: string; value: Json }): Json {
  if (input !== undefined && (typeof input !== "object" || input === null || Array.isArray(input))) {
    throw new AgentFlowError("invalid_input", `${pair.key}=… cannot be put into an input that is no object`);
  }
  const keys: Keys = { ...(input as Keys | undefined) };
  Object.defineProperty(keys, pair.key, {
    value: pair.value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
  return keys;
}

async function readWhole(word: string, from: InputSource): Promise<Json> {
  if (word === "-") return parseJson(await from.readStdin(), "standard input");
  if (word.startsWith("@")) return parseJson(readFile(resolve(from.folder, word.slice(1))), word.slice(1));
  if (/^\s*[[{"0-9tfn-]/.test(word)) return parseJson(word, "--input");
  throw new AgentFlowError("invalid_input", `the input ${JSON.stringify(word.slice(0, 60))} cannot be read`, {
    reason: "invalid_input_form",
    suggestions: ["--input @file.json", "--input key=text or key:=json", "--input - (reads standard input)"],
  });
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AgentFlowError("invalid_input", "the input file cannot be read", {
      reason: "input_file",
      details: { where: path },
      cause,
      suggestions: ["check the path; it is taken from the folder you are in (or -C)"],
    });
  }
}

function parseJson(text: string, where: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new AgentFlowError("invalid_input", "the input is not JSON", {
      reason: "input_not_json",
      details: { where },
      cause,
      suggestions: ["for plain text write key=text"],
    });
  }
}

/** All of standard input, bounded. Refuses a terminal: nobody there knows that it waits. */
export async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) {
    throw new AgentFlowError("invalid_input", "--input - reads standard input, which is a terminal", {
      reason: "stdin_terminal",
      suggestions: ["echo '{}' | af run WORKFLOW --input -"],
    });
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > stdinBytesMax)
      throw new AgentFlowError("invalid_input", `the input is over ${stdinBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** `key=value` labels. */
export function readLabels(words: readonly string[]): { [key: string]: string } | undefined {
  if (words.length === 0) return undefined;
  const pairs = words.map((word): [string, string] => {
    const at = word.indexOf("=");
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
    throw new AgentFlowError("invalid_input", `the label ${JSON.stringify(word)} is not key=value`);
  });
  return Object.fromEntries(pairs);
}
