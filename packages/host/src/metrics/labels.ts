import { AgentFlowError } from "@agentflow/protocol";

/** For each label its values, or how many different ones may appear; what does not fit counts as `other`. */
export interface LabelSpec {
  readonly [label: string]: readonly string[] | number;
}

export type Labels = { readonly [label: string]: string };

const nameShape = /^[a-z][a-z0-9_]*$/;
/** Names whose values grow without end; they belong on spans and logs. */
const idLabel = /(^|_)(id|run|task|trace|span|input|call|lease|session|user|email|token|url|path|message)$/;
const valuesMax = 200;
const seriesMax = 1_000;
export const otherValue = "other";

export function checkName(name: string): void {
  if (!nameShape.test(name)) throw misuse(`${name} is no metric or label name`);
}

export function checkLabels(metric: string, spec: LabelSpec): void {
  let series = 1;
  for (const [label, values] of Object.entries(spec)) {
    checkName(label);
    if (idLabel.test(label)) throw misuse(`${metric}: an id (${label}) is never a label`);
    const count = typeof values === "number" ? values : values.length;
    if (count < 1 || count > valuesMax)
      throw misuse(`${metric}: ${label} has ${count} values, not 1 to ${valuesMax}`);
    series *= count + 1;
  }
  if (series > seriesMax) throw misuse(`${metric} could grow to ${series} series; ${seriesMax} is the limit`);
}

/** Series of one metric by their labels. Their number is bounded by what the labels were declared with. */
export class Series<Cell> {
  readonly cells = new Map<string, { readonly labels: Labels; readonly cell: Cell }>();
  private readonly spec: LabelSpec;
  private readonly seen = new Map<string, Set<string>>();
  private readonly make: () => Cell;

  constructor(metric: string, options: { readonly labels: LabelSpec; readonly make: () => Cell }) {
    checkLabels(metric, options.labels);
    this.spec = options.labels;
    this.make = options.make;
    for (const [label, values] of Object.entries(options.labels)) {
      this.seen.set(label, new Set(typeof values === "number" ? [] : values));
    }
  }

  of(labels: Labels): Cell {
    const fitted: { [label: string]: string } = {};
    for (const label of Object.keys(this.spec)) fitted[label] = this.fit(label, labels[label] ?? otherValue);
    const key = Object.values(fitted).join("\u0000");
    const known = this.cells.get(key);
    if (known !== undefined) return known.cell;
    const cell = this.make();
    this.cells.set(key, { labels: fitted, cell });
    return cell;
  }

  private fit(label: string, value: string): string {
    if (value === otherValue) return value;
    const seen = this.seen.get(label);
    if (seen?.has(value)) return value;
    const limit = this.spec[label];
    if (typeof limit !== "number" || seen === undefined || seen.size >= limit || value.length > 100)
      return otherValue;
    seen.add(value);
    return value;
  }
}

function misuse(message: string): AgentFlowError {
  return new AgentFlowError("internal", message, { reason: "metric_misuse" });
}
