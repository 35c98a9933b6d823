import { readdirSync } from "node:fs";

/** The names in a folder, sorted; none when there is no such folder. */
export function listing(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
