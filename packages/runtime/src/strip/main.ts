/**
 * A process that takes the types off source texts and ends. Node's stripper is WebAssembly that costs whoever
 * calls it 25 MB for the rest of its life: this process calls it, so that runners need not.
 */
import { stripTypeScriptTypes } from "node:module";
import { text } from "node:stream/consumers";
import { parseTexts } from "./parse-texts.ts";

/** What cannot be stripped is null: whoever imports it gets Node's own complaint, with file and line. */
function strip(source: string | null): string | null {
  try {
    return source === null ? null : stripTypeScriptTypes(source);
  } catch {
    return null;
  }
}

async function answer(): Promise<void> {
  const sources = parseTexts(await text(process.stdin));
  process.stdout.write(JSON.stringify(sources.map(strip)));
}

// Importing a module does nothing: only the process that was started on this file strips.
if (process.argv[1] === import.meta.filename) await answer();
