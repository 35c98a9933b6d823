/** The file of a backup: written aside, for its owner alone, and named once it is known to be whole. */
import type { BackupCounts } from "@agentflow/control-plane/backup";
import { AgentFlowError } from "@agentflow/protocol";
import { createReadStream, existsSync } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";

export interface SavedBackup {
  readonly file: string;
  readonly fileBytes: number;
  readonly installation: string;
  readonly sha256: string;
  readonly counts: BackupCounts;
}

/** Saves it under the name, which must be free unless `force` is set. A torn one leaves nothing behind. */
export async function saveBackup(
  bytes: AsyncIterable<Uint8Array>,
  of: { readonly file: string; readonly force: boolean },
): Promise<SavedBackup> {
  const { file, force } = of;
  if (!force && existsSync(file)) throw fileThere(file);
  const aside = `${file}.partial`;
  try {
    await writeAside(bytes, aside);
    const { installation, sha256, counts } = await survey(aside);
    await rename(aside, file);
    await syncFolder(path.dirname(path.resolve(file)));
    return { file, fileBytes: (await stat(file)).size, installation, sha256, counts };
  } catch (error) {
    await rm(aside, { force: true });
    throw fromFiles(error, `writing ${file}`);
  }
}

/** Reads all of it and says what is in it. */
export async function verifyFile(file: string) {
  const open = openBackup(file);
  const { verifyBackup } = await import("@agentflow/control-plane/backup");
  return verifyBackup(open);
}

/** The bytes of the file, from its begin each time. */
export function openBackup(file: string): () => AsyncIterable<Uint8Array> {
  if (!existsSync(file)) {
    throw new AgentFlowError("not_found", `there is no file ${file}`, { reason: "no_such_file" });
  }
  return () => createReadStream(file);
}

async function survey(file: string) {
  const { surveyBackup } = await import("@agentflow/control-plane/backup");
  return surveyBackup(openBackup(file));
}

async function writeAside(bytes: AsyncIterable<Uint8Array>, aside: string): Promise<void> {
  await rm(aside, { force: true });
  const handle = await open(aside, "wx", 0o600);
  try {
    for await (const chunk of bytes) await handle.appendFile(chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle: FileHandle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function fileThere(file: string): AgentFlowError {
  return new AgentFlowError("already_exists", `${file} is there already`, {
    reason: "file_exists",
    details: { file },
    suggestions: ["choose another name", "--force replaces it"],
  });
}

function fromFiles(error: unknown, doing: string): AgentFlowError {
  if (AgentFlowError.is(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new AgentFlowError("unavailable", `${doing}: ${text}`, { reason: "file_failed", cause: error });
}
