import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { InputError, systemCode } from "./input-error.ts";
import { renderMarkdown } from "./markdown.ts";
import type { Report } from "./report.ts";
import { renderJson } from "./report.ts";
import type { Written } from "./shapes.ts";

/**
 * Writes report.md and report.json into a folder, which is made when it is not there.
 * Whoever reads them sees the old file or the new one, never half of it; writing twice changes nothing.
 */
export async function writeReport(report: Report, folder: string, callId: string): Promise<Written> {
  await makeFolder(folder);
  const markdown = join(folder, "report.md");
  const json = join(folder, "report.json");
  const bytes =
    (await replaceFile(markdown, renderMarkdown(report), callId)) +
    (await replaceFile(json, renderJson(report), callId));
  return { markdown, json, bytes };
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST" || code === "ENOTDIR") {
      throw new InputError(
        "invalid_input",
        `${folder} is a file or lies below one: give a folder as \`out\``,
        error,
      );
    }
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
      throw new InputError("invalid_input", `${folder} cannot be made: permission denied`, error);
    }
    throw error;
  }
}

/** A temporary file beside the target, on disk before it takes the target's name. */
async function replaceFile(target: string, text: string, callId: string): Promise<number> {
  const temporary = `${target}.${callId.replace(/[^\w-]/g, "_")}.tmp`;
  try {
    await using file = await open(temporary, "w");
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, target);
  return Buffer.byteLength(text);
}
