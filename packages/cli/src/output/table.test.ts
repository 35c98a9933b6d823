/** Tables on screens of every width. */
import { expect, test } from "vitest";
import { type Column, tableLines } from "./table.ts";
import { render, widthOf } from "./text.ts";

const columns: Column<{ readonly part: string; readonly memory: string; readonly image: string }>[] = [
  { title: "PART", of: ({ part }) => part },
  { title: "MEMORY", of: ({ memory }) => memory, optional: true },
  { title: "IMAGE", of: ({ image }) => image, flexible: true, optional: true },
];
const rows = [{ part: "control-plane", memory: "89/512 MiB", image: "agentflow/control-plane:0.1.0-66b5" }];

// On a narrow terminal each row of `af status` went over two lines.
test.each([
  [80, "PART           MEMORY      IMAGE"],
  [40, "PART           MEMORY      IMAGE"],
  [32, "PART           MEMORY"],
  [24, "PART"],
])("in %i columns no row is wider, and what may be left out goes from the end", (screen, titles) => {
  const lines = tableLines(columns, rows, screen);
  expect(render(lines[0] ?? "", false)).toBe(titles);
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(screen);
});
