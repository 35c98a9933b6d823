/** Puts files into the pages that show them: between `<!-- snippet: PATH -->` and `<!-- end -->`. */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const block = /<!-- snippet: ([A-Za-z0-9._/-]+) -->\n[\s\S]*?<!-- end -->/g;
const languages: { readonly [extension: string]: string } = {
  ".ts": "ts",
  ".yaml": "yaml",
  ".json": "json",
  ".service": "ini",
};

export interface GuidePage {
  /** Relative to the repository. */
  readonly file: string;
  readonly text: string;
}

/** Every page written by hand, as it should read: its snippets are today's files. */
export function guidePages(): readonly GuidePage[] {
  const guide = readdirSync(join(root, "docs/guide")).map((name) => `docs/guide/${name}`);
  return ["README.md", "CONTRIBUTING.md", ...guide].map((file) => ({
    file,
    text: withSnippets(readFileSync(join(root, file), "utf8")),
  }));
}

function withSnippets(page: string): string {
  return page.replaceAll(block, (_, path: string) => {
    const code = readFileSync(join(root, path), "utf8").replace(/^# yaml-language-server.*\n/, "");
    const language = languages[extname(path)] ?? "";
    return `<!-- snippet: ${path} -->\n\`\`\`${language}\n${code.trimEnd()}\n\`\`\`\n<!-- end -->`;
  });
}
