import { bytesText, countText, listText, numberText } from "./format.ts";
import { sum } from "./order.ts";
import type { Report } from "./report.ts";
import type { Duplicate, Facts, Finding, InstallScript, LicenceClass, Ranking } from "./shapes.ts";
import { severities } from "./shapes.ts";

const topFindings = 12;

/** The report for people: key figures first, then what to do about it, then the evidence. */
export function renderMarkdown(report: Report): string {
  const sections = [
    headline(report),
    findingsSection(report),
    licenceSection(report.facts),
    scriptSection(report.facts),
    duplicateSection(report.facts),
    sizeSection(report.facts),
    depthSection(report.facts),
    sourceSection(report),
  ];
  return `${sections.join("\n\n")}\n`;
}

function headline({ source, facts, ranking }: Report): string {
  const version = source.project.version === "" ? "" : ` ${source.project.version}`;
  const size = facts.measured === 0 ? "not installed" : bytesText(facts.bytes);
  return [
    `# Dependencies of ${escape(source.project.name + version)}`,
    "",
    `**${countText(facts.packages, "package")}: ${countsText(ranking)}**`,
    "",
    "| packages | distinct names | licences | several versions | install scripts | on disk | furthest |",
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    row([
      numberText(facts.packages),
      numberText(facts.names),
      numberText(facts.licences.length + facts.omitted.licences),
      numberText(facts.duplicateNames),
      numberText(facts.scriptPackages),
      size,
      countText(facts.depths.at(-1)?.depth ?? 0, "step"),
    ]),
  ].join("\n");
}

function countsText({ counts }: Ranking): string {
  const total = sum(Object.values(counts));
  const parts = severities.filter((severity) => counts[severity] > 0);
  if (total === 0) return "nothing to report.";
  const each = parts.map((part) => `${numberText(counts[part])} ${part}`);
  return `${countText(total, "finding")}, ${each.join(", ")}.`;
}

function findingsSection({ ranking }: Report): string {
  const { findings, omitted } = ranking;
  if (findings.length === 0) return "## What to look at\n\nNothing: no finding has a score above zero.";
  const shown = findings.slice(0, topFindings).map((finding, at) => findingRow(finding, at + 1));
  const more = findings.length + omitted - shown.length;
  return [
    "## What to look at first",
    "",
    "| # | severity | finding | why | what to do |",
    "| ---: | :--- | :--- | :--- | :--- |",
    ...shown,
    ...(more > 0 ? ["", `${countText(more, "more finding")}; \`report.json\` lists them by score.`] : []),
  ].join("\n");
}

function findingRow(finding: Finding, at: number): string {
  const [first = "", ...others] = finding.packages;
  const named = others.length === 0 && finding.title.includes(first.slice(0, first.lastIndexOf("@")));
  const packages = named ? "" : `<br>${escape(listText(finding.packages, 4))}`;
  const severity = `${finding.severity} (${finding.score})`;
  const title = `**${escape(finding.title)}**${packages}`;
  // What to do is our own text, code spans and all; everything else may hold a stranger's words.
  return row([String(at), severity, title, escape(finding.why), finding.todo]);
}

const classNames: Readonly<Record<LicenceClass, string>> = {
  permissive: "permissive",
  "weak-copyleft": "weak copyleft",
  "strong-copyleft": "strong copyleft",
  unknown: "not recognised",
  missing: "none declared",
};

function licenceSection(facts: Facts): string {
  const rows = facts.licences.map((of) =>
    row([
      escape(of.licence),
      classNames[of.class],
      numberText(of.packages),
      bar(of.packages, facts.packages),
    ]),
  );
  const table = ["| licence | kind | packages | share |", "| :--- | :--- | ---: | :--- |", ...rows];
  return section("Licences", table, facts.omitted.licences, "No packages.");
}

function scriptSection(facts: Facts): string {
  const table = [
    "| package | runs | used in | announced |",
    "| :--- | :--- | :--- | :--- |",
    ...facts.installScripts.map(scriptRow),
  ];
  const empty = "No package runs code when it is installed.";
  return section(
    "Install scripts",
    facts.installScripts.length === 0 ? [] : table,
    facts.omitted.installScripts,
    empty,
  );
}

function scriptRow(script: InstallScript): string {
  const commands = script.scripts.map(({ event, command }) => `${event}: ${code(command)}`).join("<br>");
  const unknown = script.installed ? "nothing in the installed manifest" : "not installed here";
  const used = `${script.dev ? "development" : "production"}${script.optional ? ", optional" : ""}`;
  const announced = script.announced ? "yes" : "**no**";
  return row([
    escape(`${script.name}@${script.version}`),
    commands === "" ? unknown : commands,
    used,
    announced,
  ]);
}

function duplicateSection(facts: Facts): string {
  const lines = facts.duplicates.flatMap(duplicateLines);
  const empty = "Every package is there in one version only.";
  return section("Several versions of one package", lines, facts.omitted.duplicates, empty);
}

function duplicateLines(duplicate: Duplicate): string[] {
  const spare = duplicate.spareBytes === 0 ? "" : `, ${bytesText(duplicate.spareBytes)} to spare`;
  const copies = countText(duplicate.copies, "copy", "copies");
  const versionCount = countText(duplicate.versions.length, "version");
  const head = `- **${escape(duplicate.name)}**: ${versionCount}, ${copies}${spare}`;
  const versions = duplicate.versions.map(({ version, paths, wantedBy }) => {
    const asked = wantedBy.length === 0 ? "" : `, asked for by ${escape(wantedBy.join(", "))}`;
    return `  - ${escape(version)} at ${paths.map(code).join(", ")}${asked}`;
  });
  return [head, ...versions];
}

function sizeSection(facts: Facts): string {
  if (facts.measured === 0)
    return "## Size on disk\n\nNothing is installed beside the lockfile, so there is nothing to measure.";
  const rows = facts.largest.map((large) =>
    row([
      escape(`${large.name}@${large.version}`),
      bytesText(large.bytes),
      numberText(large.files),
      bar(large.bytes, facts.bytes),
    ]),
  );
  const total = `${bytesText(facts.bytes)} in ${countText(facts.files, "file")}`;
  const all = `${countText(facts.measured, "installed package")}: ${total}. ${absent(facts)}The largest:`;
  const table = ["| package | size | files | share |", "| :--- | ---: | ---: | :--- |", ...rows];
  return ["## Size on disk", "", all, "", ...table].join("\n");
}

function absent(facts: Facts): string {
  const missing = facts.packages - facts.measured;
  return missing === 0
    ? ""
    : `${countText(missing, "package")} of the lockfile ${missing === 1 ? "is" : "are"} not installed here. `;
}

function depthSection(facts: Facts): string {
  const rows = facts.depths.map(({ depth, packages }) =>
    row([String(depth), numberText(packages), bar(packages, facts.packages)]),
  );
  const way = `The furthest away: the project → ${escape(facts.deepest.join(" → "))}.`;
  const orphans = `${countText(facts.unreachable, "package")} that nothing asks for.`;
  const table = ["| steps from the project | packages | share |", "| ---: | ---: | :--- |", ...rows];
  if (facts.depths.length === 0)
    return section("Depth", [], 0, "No package can be reached from the project.");
  return ["## Depth", "", ...table, "", way, ...(facts.unreachable > 0 ? ["", orphans] : [])].join("\n");
}

function sourceSection({ source }: Report): string {
  const workspaces = source.workspaces === 0 ? "" : `, ${countText(source.workspaces, "workspace")} left out`;
  const file = `${code(source.lockfile)} (version ${source.lockfileVersion}${workspaces})`;
  return `---\n\nFrom ${file}, SHA-256 ${code(source.sha256.slice(0, 16))}.`;
}

function section(title: string, lines: readonly string[], omitted: number, empty: string): string {
  const more = omitted > 0 ? ["", `${numberText(omitted)} more were left out to keep the report small.`] : [];
  return [`## ${title}`, "", ...(lines.length === 0 ? [empty] : lines), ...more].join("\n");
}

function bar(part: number, whole: number): string {
  const percent = whole === 0 ? 0 : (100 * part) / whole;
  const blocks = percent < 2.5 && part > 0 ? "▏" : "█".repeat(Math.round(percent / 5));
  return `${blocks} ${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Names come from strangers: none may end a cell, open a tag or become a link. */
function escape(text: string): string {
  return withoutControls(text).replace(/[\\`*_[\]<>|#]/g, (sign) => {
    if (sign === "<") return "&lt;";
    return sign === ">" ? "&gt;" : `\\${sign}`;
  });
}

/** Text in a code span; a back tick or a bar in it would end the span or the cell. */
function code(text: string): string {
  return `\`${withoutControls(text).replaceAll("`", "'").replaceAll("|", "\\|")}\``;
}

function withoutControls(text: string): string {
  return text.replace(/\p{C}+/gu, " ");
}
