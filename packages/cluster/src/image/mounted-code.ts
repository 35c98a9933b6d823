/** What stands in place of the code where the project is mounted at `live`, beside its dependencies. */
import { posix } from "node:path";
import type { ContextFile } from "./context.ts";

/** Packages of the project's own folders are dependencies too: each leads to where it is mounted. */
export function mountedCode(dependencies: readonly ContextFile[]): ContextFile[] {
  const folders = dependencies.flatMap(({ path }) => {
    const folder = /^dependencies\/(.+)\/package\.json$/.exec(path)?.[1];
    return folder === undefined ? [] : [folder];
  });
  const links = folders
    .filter((folder) => !folders.some((other) => folder.startsWith(`${other}/`)))
    .map((folder): ContextFile => {
      const link = posix.relative(posix.dirname(folder), posix.join("live", folder));
      return { path: `code/${folder}`, from: { link } };
    });
  // A builder wants something to copy.
  return [{ path: "code/live/.mounted", from: { text: "" } }, ...links];
}
