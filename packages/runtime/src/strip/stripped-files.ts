/** Source files whose types are already off: a runner takes them instead of stripping them itself. */
import { hash } from "node:crypto";
import { type LoadFnOutput, registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

/** Plain code by the SHA-256 of the source it came from: a file that changed meanwhile is not among them. */
export interface StrippedFiles {
  readonly [sha256: string]: string;
}

/** While `load` imports the project, its files come from `files` where those have them. */
export async function withStripped<T>(
  files: StrippedFiles,
  of: { readonly projectDir: string; readonly load: () => Promise<T> },
): Promise<T> {
  const inside = `${pathToFileURL(of.projectDir).href}/`;
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      return url.startsWith(inside) ? withoutTypes(loaded, files) : loaded;
    },
  });
  try {
    return await of.load();
  } finally {
    hooks.deregister();
  }
}

function withoutTypes(loaded: LoadFnOutput, files: StrippedFiles): LoadFnOutput {
  const { format, source } = loaded;
  if (format !== "module-typescript" || source === undefined || source === null) return loaded;
  const code = files[hash("sha256", asBytes(source))];
  return code === undefined ? loaded : { ...loaded, format: "module", source: code };
}

function asBytes(source: NonNullable<LoadFnOutput["source"]>): string | Uint8Array {
  if (typeof source === "string") return source;
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}
