import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { renderMarkdown } from "../lib/markdown.ts";
import { renderJson } from "../lib/report.ts";
import { facts, groupFacts, ranking } from "../lib/shapes.ts";
import { writeReport } from "../lib/write.ts";
import { fixtures, folderWith, lockfileText, reportOn } from "./support.ts";

const inlineBytesMax = 64 * 1024;

test("groups that arrive in another order give the same report, byte for byte", async () => {
  const first = await reportOn(fixtures);
  const second = await reportOn(fixtures, { reversed: true });
  assert.equal(renderMarkdown(first), renderMarkdown(second));
  assert.equal(renderJson(first), renderJson(second));
});

test("findings stand by score, ties by id, and the counts count them all", async () => {
  const { findings, counts, omitted } = (await reportOn(fixtures)).ranking;
  const order = findings.map(({ score, id }) => [999 - score, id] as const);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1)),
  );
  assert.equal(counts.high + counts.medium + counts.low, findings.length + omitted);
  assert.equal(findings[0]?.id, "licence:GPL-2.0-or-later:shipped");
});

test("every value that goes from step to step keeps to its schema", async () => {
  const report = await reportOn(fixtures);
  for (const group of report.groups) assert.deepEqual(groupFacts.parse(group), group);
  assert.deepEqual(facts.parse(report.facts), report.facts);
  assert.deepEqual(ranking.parse(report.ranking), report.ranking);
});

test("5,000 packages stay within what a step's value may be, and what was cut is said", async (t) => {
  const packages: Record<string, object> = {};
  for (let at = 0; at < 2_500; at++) {
    packages[`node_modules/package-${at}`] = {
      version: "1.0.0",
      license: `Odd-${at}`,
      hasInstallScript: true,
    };
    packages[`node_modules/package-${at}/node_modules/package-${(at * 7) % 2_500}`] = { version: "2.0.0" };
  }
  const folder = await folderWith(t, { "package-lock.json": lockfileText(packages) });
  const report = await reportOn(folder);
  const bytes = (value: unknown): number => JSON.stringify(value).length;
  assert.ok(bytes(report.groups) < inlineBytesMax);
  assert.ok(bytes(report) - bytes(report.groups) < inlineBytesMax);
  assert.equal(report.facts.packages, 5_000);
  assert.equal(report.facts.classes.unknown, 2_500);
  assert.equal(report.facts.classes.missing, 2_500);
  assert.equal(report.facts.scriptPackages, 2_500);
  assert.equal(report.facts.installScripts.length + report.facts.omitted.installScripts, 2_500);
  assert.equal(report.facts.duplicates.length + report.facts.omitted.duplicates, report.facts.duplicateNames);
  assert.match(renderMarkdown(report), /more were left out to keep the report small/);
});

test("the Markdown report opens with the key figures and then says what to do", async () => {
  const lines = renderMarkdown(await reportOn(fixtures)).split("\n");
  assert.equal(lines[0], "# Dependencies of sample-shop 0.1.0");
  assert.match(lines[2] ?? "", /^\*\*234 packages: \d+ findings, 2 high, /);
  assert.ok(lines.indexOf("## What to look at first") < lines.indexOf("## Licences"));
});

test("a stranger's package name cannot break the table or open a tag", async (t) => {
  const name = "x|<img src=x>`[a](b)\nnext";
  const folder = await folderWith(t, {
    "package-lock.json": lockfileText({ [`node_modules/${name}`]: { version: "1|2", license: "<b>|`" } }),
  });
  const text = renderMarkdown(await reportOn(folder));
  assert.doesNotMatch(text, /<img|<b>|\[a\]\(b\)/);
  const findingRows = text.split("\n").filter((line) => /^\| 1 \| (high|medium|low) /.test(line));
  assert.equal(findingRows[0]?.match(/(?<!\\)\|/g)?.length, 6);
});

test("both files are written whole into a new folder, and nothing else stays there", async (t) => {
  const out = join(await folderWith(t, {}), "deep", "out");
  const report = await reportOn(fixtures);
  const written = await writeReport(report, out, "r1:write~0");
  await writeReport(report, out, "r1:write~0");
  assert.deepEqual((await readdir(out)).sort(), ["report.json", "report.md"]);
  assert.equal(await readFile(written.markdown, "utf8"), renderMarkdown(report));
  const { findings, source } = JSON.parse(await readFile(written.json, "utf8"));
  assert.equal(findings.list.length, report.ranking.findings.length);
  assert.equal(source.sha256, report.source.sha256);
});

test("a file where the folder should be is refused by name", async (t) => {
  const folder = await folderWith(t, { out: "I am a file" });
  const report = await reportOn(fixtures);
  await assert.rejects(writeReport(report, join(folder, "out"), "c"), /is a file or lies below one/);
  await assert.rejects(writeReport(report, join(folder, "out", "below"), "c"), /is a file or lies below one/);
  assert.deepEqual(await readdir(folder), ["out"]);
});

test("a missing licence is only held against a package whose own manifest was asked", async (t) => {
  const folder = await folderWith(t, {
    "package-lock.json": lockfileText({
      "node_modules/here": { version: "1.0.0" },
      "node_modules/elsewhere": { version: "1.0.0", optional: true },
    }),
    "node_modules/here/package.json": "{}",
  });
  const { findings } = (await reportOn(folder)).ranking;
  const licences = findings.filter(({ id }) => id.startsWith("licence:"));
  assert.deepEqual(
    licences.map(({ severity, packages }) => [severity, packages]),
    [
      ["medium", ["here@1.0.0"]],
      ["low", ["elsewhere@1.0.0"]],
    ],
  );
});

test("a finding about one licence names the package, also when it is a single one", async () => {
  const rows = renderMarkdown(await reportOn(fixtures)).split("\n");
  assert.ok(
    rows.some((row) => row.includes("Strong copyleft: GPL-3.0-only") && row.includes("chart-engine@2.1.0")),
  );
});
