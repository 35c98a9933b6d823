/** What a builder is given: files in one order with fixed owners and times: equal content is equal. */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import { pack } from "tar-stream";

export interface ContextFile {
  /** Within the context, with forward slashes. */
  readonly path: string;
  readonly from: { readonly file: string } | { readonly text: string } | { readonly link: string };
  readonly executable?: boolean;
  /** Bytes of the file, as it was listed. */
  readonly size?: number;
}

// 1980: what archives of other kinds can say too.
const fixedTime = new Date(315_532_800_000);

/** Tells whether two contexts are the same: paths, content and modes, nothing of the machine. */
export function hashOf(files: readonly ContextFile[]): string {
  const hash = createHash("sha256");
  for (const { path, from, executable } of sorted(files)) {
    const content = "file" in from ? readFileSync(from.file) : "text" in from ? from.text : `> ${from.link}`;
    const inner = createHash("sha256").update(content).digest("hex");
    hash.update(`${path}\0${executable === true ? "x" : "-"}\0${inner}\n`);
  }
  return hash.digest("hex");
}

/** The context as a tar archive. An error while a file is read destroys the stream with it. */
export function tarOf(files: readonly ContextFile[]): Readable {
  const archive = pack();
  void fill(archive, sorted(files)).catch((error: unknown) => {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return archive;
}

async function fill(archive: ReturnType<typeof pack>, files: readonly ContextFile[]): Promise<void> {
  for (const { path, from, executable, size } of files) {
    if (archive.destroyed) return;
    const mode = executable === true ? 0o755 : 0o644;
    const header = { name: path, mode, mtime: fixedTime, uid: 0, gid: 0 };
    if ("link" in from) {
      archive.entry({ ...header, type: "symlink", linkname: from.link });
    } else if ("text" in from || (size ?? 0) < smallBytes) {
      const content = "text" in from ? Buffer.from(from.text) : readFileSync(from.file);
      await new Promise<void>((resolve, reject) => {
        archive.entry(header, content, (error) => (error ? reject(error) : resolve()));
      });
    } else await pipeline(createReadStream(from.file), archive.entry({ ...header, size: size ?? 0 }));
  }
  archive.finalize();
}

const smallBytes = 1024 * 1024;

function sorted(files: readonly ContextFile[]): ContextFile[] {
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
