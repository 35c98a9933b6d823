/** What several tests share: the fixed lockfile, small lockfiles, folders that vanish after the test. */
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { mergeFacts } from "../lib/merge.ts";
import { rankFindings } from "../lib/rank.ts";
import type { Report } from "../lib/report.ts";
import type { GroupFacts } from "../lib/shapes.ts";
import { inspectPackages, scanLockfile } from "../lib/steps.ts";

export const fixtures = join(import.meta.dirname, "..", "fixtures");

/** A folder with these files in it, removed when the test is over. */
export async function folderWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "repo-report-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

/** The text of a lockfile with these entries. */
export function lockfileText(packages: Readonly<Record<string, object>>): string {
  return JSON.stringify({ name: "shop", lockfileVersion: 3, packages });
}

/** The steps of the workflow by hand, in a row; `reversed` brings the groups back in another order. */
export async function reportOn(
  projectDir: string,
  options: { readonly reversed?: boolean } = {},
): Promise<Report & { readonly groups: readonly GroupFacts[] }> {
  const { groups, ...source } = await scanLockfile({ projectDir, lockfile: "package-lock.json" });
  const { lockfile, sha256 } = source;
  const of = groups.length;
  const inspected = await Promise.all(
    groups.map((group) => inspectPackages({ projectDir, lockfile, sha256, group, of })),
  );
  if (options.reversed === true) inspected.reverse();
  const facts = mergeFacts(inspected);
  return { source, facts, ranking: rankFindings(facts), groups: inspected };
}
