/** Recorded exchanges in a file: YAML documents or JSON lines, one an exchange. */
import { Buffer } from "node:buffer";
import { parseAllDocuments, stringify } from "yaml";
import type { Exchange } from "./exchange.ts";
import type { MaskedBody } from "./mask.ts";
import { noCassette, parseExchange, parseLine } from "./parse-exchange.ts";

/** The text that is appended to the file. */
export function exchangeText(exchange: Exchange, file: string): string {
  if (!isYaml(file)) return `${JSON.stringify(exchange)}\n`;
  // A long line stays one: a folded text is hard to compare.
  return `---\n${stringify(exchange, { lineWidth: 0 })}`;
}

/** Refuses with `invalid_input`, naming the place, what is no recording. */
export function readCassette(text: string, file: string): readonly Exchange[] {
  if (!isYaml(file)) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line, i) => parseLine(line, `${file}, line ${i + 1}`));
  }
  const documents = [...parseAllDocuments(text)];
  return documents.map((document, i) => {
    const where = `${file}, exchange ${i + 1}`;
    const [error] = document.errors;
    if (error !== undefined) throw noCassette(`${where}: not YAML: ${error.message.split("\n")[0] ?? ""}`);
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    return parseExchange(value, where);
  });
}

export function bytesOf(body: MaskedBody): Buffer {
  return typeof body === "string" ? Buffer.from(body, "utf8") : Buffer.from(body.base64, "base64");
}

function isYaml(file: string): boolean {
  return /\.ya?ml$/i.test(file);
}
