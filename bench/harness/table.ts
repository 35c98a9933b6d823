/** A sitting as one Markdown table: budgets, our row, floor and peers, with what disturbed them. */
import { type Budget, budgetsOf, isWithin } from "./budgets.ts";
import { type Column, type WorkName, columns, foreignOf } from "./columns.ts";
import type { Fsync, Sitting, SystemResult } from "./result.ts";

/** Above this difference of foreign load two figures are not compared. */
export const foreignDifferenceMax = 0.15;

const works: readonly WorkName[] = ["w1", "w2", "w3", "w4", "w5", "w6"];

/** Pure: the same sitting always gives the same text. */
export function renderSitting(sitting: Sitting): string {
  const rows = ordered(sitting.results);
  const ours = rows[0];
  const shown = columns.filter((column) => rows.some((row) => column.value(row) !== undefined));
  const lines = [
    heading(sitting),
    "",
    tableRow(["system", ...shown.map(({ title }) => title), "foreign W1-W6"]),
    `|${" --- |".repeat(shown.length + 2)}`,
    ...rows.flatMap((row) => [...budgetRow(row, shown), systemRow(row, { shown, ours })]),
    "",
    ...verdicts(rows),
    ...legend(rows, ours),
    "",
    ...rows.map(({ system, note }) => `- ${system}: ${note}`),
    ...problems(sitting),
  ];
  return lines.join("\n");
}

/** Ours first: every other row is read against it. */
function ordered(results: readonly SystemResult[]): readonly SystemResult[] {
  const isOurs = ({ system }: SystemResult): number => (system.startsWith("agentflow") ? 0 : 1);
  return results.toSorted((a, b) => isOurs(a) - isOurs(b));
}

function heading({ date, node, cpus, fsync }: Sitting): string {
  const text = ({ p50, p95 }: Fsync): string => `${figure(p50)}/${figure(p95)}`;
  const disk = `${text(fsync.before)} ms before, ${text(fsync.after)} ms after`;
  return `${date} · Node ${node} · ${cpus} CPUs · fdatasync of 350 bytes p50/p95 ${disk}`;
}

function budgetRow(row: SystemResult, shown: readonly Column[]): string[] {
  const budgets = budgetsOf(row.system);
  if (Object.keys(budgets).length === 0) return [];
  return [tableRow([`budget of ${row.system}`, ...shown.map(({ key }) => budgetText(budgets[key])), ""])];
}

function systemRow(
  row: SystemResult,
  { shown, ours }: { readonly shown: readonly Column[]; readonly ours: SystemResult | undefined },
): string {
  const budgets = budgetsOf(row.system);
  const cells = shown.map((column) => {
    const value = column.value(row);
    if (value === undefined) return "–";
    const budget = budgets[column.key];
    const missed = budget !== undefined && !isWithin(value, budget) ? " ✗" : "";
    return `${figure(value)}${missed}${isComparable(row, { ours, work: column.work }) ? "" : " †"}`;
  });
  const foreign = works.map((work) => foreignOf(row, work)?.toFixed(2) ?? "–").join(" ");
  const name = ours !== undefined && row.system === ours.system ? `**${row.system}**` : row.system;
  return tableRow([name, ...cells, foreign]);
}

/** False when others took a much larger or smaller share of the machine than during our own figure. */
function isComparable(
  row: SystemResult,
  { ours, work }: { readonly ours: SystemResult | undefined; readonly work: WorkName },
): boolean {
  const [here, there] = [foreignOf(row, work), ours === undefined ? undefined : foreignOf(ours, work)];
  return here === undefined || there === undefined || Math.abs(here - there) <= foreignDifferenceMax;
}

function verdicts(rows: readonly SystemResult[]): string[] {
  return rows.flatMap((row) => {
    const budgets = budgetsOf(row.system);
    const missed = columns.flatMap((column) => {
      const [value, budget] = [column.value(row), budgets[column.key]];
      if (value === undefined || budget === undefined || isWithin(value, budget)) return [];
      return [`${column.title} ${figure(value)} (${budgetText(budget)})`];
    });
    if (Object.keys(budgets).length === 0) return [];
    const words = missed.length === 0 ? "within every budget measured" : `missed ${missed.join(", ")}`;
    return [`${row.system}: ${words}`];
  });
}

function legend(rows: readonly SystemResult[], ours: SystemResult | undefined): string[] {
  const strangers = rows.filter((row) => works.some((work) => !isComparable(row, { ours, work })));
  if (strangers.length === 0) return [];
  const names = strangers.map(({ system }) => system).join(", ");
  const against = `differs by more than ${foreignDifferenceMax} from ${ours?.system ?? "the first row"}`;
  return [`† not comparable: the share of CPU that others took ${against} (${names})`];
}

function problems({ results, skipped }: Sitting): string[] {
  const failed = results.flatMap(({ system, errors }) =>
    Object.entries(errors).map(([work, why]) => `- ${system}: ${work} failed: ${why.split("\n")[0] ?? ""}`),
  );
  const left = skipped.map(({ system, why, install }) => `- skipped ${system}: ${why}; \`${install}\``);
  return failed.length + left.length === 0 ? [] : ["", ...failed, ...left];
}

function budgetText(budget: Budget | undefined): string {
  if (budget === undefined) return "";
  return "most" in budget ? `≤ ${figure(budget.most)}` : `≥ ${figure(budget.least)}`;
}

/** Three digits that matter; thousands in groups. */
export function figure(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
