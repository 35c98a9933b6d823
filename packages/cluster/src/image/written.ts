/** Folders that `af deploy --out` wrote into the project: made from its image, and no part of it. */
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

/** Stands near the beginning of every file of such a folder that can hold a comment. */
export const writtenMark = "Not to be edited: af deploy --out writes it anew.";

const headBytes = 1_000;
/** The one file that each of them has: a chart's, or the first of the manifests. */
const first = /^(Chart|0*1-[a-z0-9.-]+)\.yaml$/;

export function isWritten(folder: string): boolean {
  const name = readdirSync(folder).find((one) => first.test(one));
  return name !== undefined && headOf(join(folder, name)).includes(writtenMark);
}

function headOf(file: string): string {
  const open = openSync(file, "r");
  try {
    const buffer = Buffer.alloc(headBytes);
    return buffer.subarray(0, readSync(open, buffer)).toString("utf8");
  } finally {
    closeSync(open);
  }
}
