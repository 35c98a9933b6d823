import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { defineTool } from "@agentflow/sdk";
import { z } from "zod";

const name = z.string().regex(/^[a-z0-9-]{1,60}$/, "a note's name, as search gives it");

async function notes(projectDir: string): Promise<{ name: string; text: string }[]> {
  const folder = path.join(projectDir, "library");
  const files = (await readdir(folder)).filter((file) => file.endsWith(".md")).sort();
  return Promise.all(
    files.map(async (file) => ({
      name: file.slice(0, -3),
      text: await readFile(path.join(folder, file), "utf8"),
    })),
  );
}

export const search = defineTool({
  description: "Search the library; gives names of notes and the line that matches best",
  input: z.object({ words: z.string().min(1).max(200) }),
  output: z.object({ notes: z.array(z.object({ name: z.string(), line: z.string() })) }),
  effect: "read",
  async run({ words }, { projectDir, progress }) {
    const wanted = words
      .toLowerCase()
      .split(/\W+/)
      .filter((word) => word.length > 3);
    const hits = (text: string): number => wanted.filter((word) => text.toLowerCase().includes(word)).length;
    const all = await notes(projectDir);
    progress(`searched ${all.length} notes`);
    const found = all
      .map((note) => ({ ...note, score: hits(note.text) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1))
      .slice(0, 4);
    return {
      notes: found.map((note) => ({
        name: note.name,
        line: note.text.split("\n").sort((a, b) => hits(b) - hits(a))[0] ?? "",
      })),
    };
  },
});

export const read = defineTool({
  description: "Read one note of the library by its name",
  input: z.object({ name }),
  output: z.object({ name: z.string(), text: z.string() }),
  effect: "read",
  async run({ name: wanted }, { projectDir }) {
    const found = (await notes(projectDir)).find((note) => note.name === wanted);
    if (found === undefined) throw new Error(`there is no note ${wanted}: search first`);
    return found;
  },
});
