/** Looks for secrets in whatever was written: plain and encoded, whole and in part, packed or not. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync, constants, zstdDecompressSync } from "node:zlib";

/** So much of a secret, in any spelling, is a hit. */
const windowLength = 12;

export interface CanaryScan {
  /** Where a piece of a secret stands, with the piece; empty when nowhere. */
  inBytes(bytes: Uint8Array, where: string): string[];
  inFile(file: string): string[];
  /** All files of the folder but those named. */
  inFolder(folder: string, but: readonly string[]): string[];
}

export function canaryScan(values: readonly string[]): CanaryScan {
  const windows = new Set(values.flatMap(spellings).flatMap(windowsOf));
  const inBytes = (bytes: Uint8Array, where: string): string[] => {
    const text = Buffer.from(bytes).toString("latin1");
    const found: string[] = [];
    for (let at = 0; at + windowLength <= text.length && found.length < 3; at++) {
      if (!windows.has(text.slice(at, at + windowLength))) continue;
      found.push(`${where} at ${at}: ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 60))}`);
      at += 200;
    }
    const unpacked = unpack(bytes);
    return unpacked === undefined ? found : [...found, ...inBytes(unpacked, `${where} (unpacked)`)];
  };
  const inFile = (file: string): string[] => {
    const bytes = readFileSync(file);
    const found = inBytes(bytes, file);
    const isDatabase = bytes.subarray(0, 15).toString("latin1") === "SQLite format 3";
    return isDatabase
      ? [...found, ...cellsOf(file).flatMap((cell) => inBytes(cell, `${file} (cell)`))]
      : found;
  };
  const inFolder = (folder: string, but: readonly string[]): string[] =>
    filesOf(folder)
      .filter((file) => !but.includes(file))
      .flatMap(inFile);
  return { inBytes, inFile, inFolder };
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true);
}

function spellings(value: string): string[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    return text.slice(shift === 0 ? 0 : shift + 1, -1);
  });
  const hex = bytes.toString("hex");
  return [
    bytes.toString("latin1"),
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    hex,
    hex.toUpperCase(),
    hex.match(/../g)?.join(" ") ?? "",
  ];
}

function windowsOf(text: string): string[] {
  return Array.from({ length: Math.max(0, text.length - windowLength + 1) }, (_, at) =>
    text.slice(at, at + windowLength),
  );
}

function unpack(bytes: Uint8Array): Uint8Array | undefined {
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b)
      return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
    if (bytes[0] === 0x28 && bytes[1] === 0xb5) return zstdDecompressSync(bytes);
  } catch {
    // It only looked packed.
  }
  return undefined;
}

/** Blobs of a database whole: on disk they lie in pieces. */
function cellsOf(file: string): Uint8Array[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    return tables.flatMap(({ name }) =>
      database
        .prepare(`SELECT * FROM "${String(name)}"`)
        .all()
        .flatMap((row) => Object.values(row).filter((cell) => cell instanceof Uint8Array)),
    );
  } finally {
    database.close();
  }
}
