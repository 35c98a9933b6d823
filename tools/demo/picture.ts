/**
 * Turns what a terminal showed into a picture:
 * `npm run -s demo | node tools/demo/picture.ts > docs/pictures/demo.svg`. The picture is the real output.
 */
import { readFileSync } from "node:fs";

const columns = 96;
const lineHeight = 18;
const charWidth = 8.2;
const pad = 16;
const barHeight = 30;

const colours: readonly (readonly [RegExp, string])[] = [
  [/^\$ .*/, "#e6edf3"],
  [/^\s*✓.*/, "#7ee787"],
  [/^\s*[✗].*/, "#ff7b72"],
  [/^[░█▒].*/, "#8b949e"],
];

function main(): void {
  const lines = chosen(readFileSync(0, "utf8").split("\n")).map((line) => line.slice(0, columns));
  const width = columns * charWidth + 2 * pad;
  const height = lines.length * lineHeight + 2 * pad + barHeight;
  const body = lines.map((line, i) => textLine(line, barHeight + pad + (i + 0.75) * lineHeight));
  process.stdout.write(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ` +
      `aria-label="A terminal: a run of repo-report, its trace and its explanation">\n` +
      `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>\n` +
      ["#ff5f56", "#ffbd2e", "#27c93f"]
        .map((fill, i) => `<circle cx="${18 + i * 18}" cy="16" r="5.5" fill="${fill}"/>`)
        .join("") +
      `\n<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13.6" ` +
      `xml:space="preserve">\n${body.join("\n")}\n</g>\n</svg>\n`,
  );
}

/** From the run to its explanation: the part that shows what the product is about. */
function chosen(lines: readonly string[]): readonly string[] {
  const from = lines.findIndex((line) => line.startsWith("$ af run"));
  const report = lines.findIndex((line) => line.startsWith("$ head"));
  const trace = lines.findIndex((line) => line.startsWith("$ af trace"));
  const logs = lines.findIndex((line) => line.startsWith("$ af logs"));
  if (from < 0 || report < 0 || trace < 0 || logs < 0) throw new Error("this is not the output of the demo");
  return [...lines.slice(from, report), ...lines.slice(trace, logs)].map((line) =>
    line
      .replace(/\/\S*\/agentflow-demo-[A-Za-z0-9]+/g, "~")
      .replace(/"lockfile":"[^"]+"/, '"lockfile":"package-lock.json"'),
  );
}

function textLine(line: string, y: number): string {
  if (line === "") return "";
  const fill = colours.find(([pattern]) => pattern.test(line))?.[1] ?? "#c9d1d9";
  return `<text x="${pad}" y="${y.toFixed(1)}" fill="${fill}">${escaped(line)}</text>`;
}

function escaped(text: string): string {
  const safe = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return safe.replaceAll(" ", "\u00a0");
}

main();
