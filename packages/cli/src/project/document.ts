/** A YAML file of a project: parsed within bounds, each value with its place. */
import type { Finding } from "@agentflow/protocol";
import { type Document, LineCounter, type Node, isMap, isNode, isScalar, isSeq, parseDocument } from "yaml";
import type { PlacedFinding } from "../output/findings.ts";

export interface YamlFile {
  /** Relative to the project, with forward slashes. */
  readonly file: string;
  readonly lines: readonly string[];
  readonly document: Document.Parsed;
  readonly counter: LineCounter;
  /** Plain data; undefined when the file has a fault that leaves none. */
  readonly value: unknown;
  readonly findings: readonly PlacedFinding[];
}

export const yamlLimits = { bytesMax: 256 * 1024, aliasesMax: 32, depthMax: 64 } as const;

/** Never throws: what is wrong with the text is among the findings. */
export function readYaml(file: string, text: string): YamlFile {
  const counter = new LineCounter();
  const lines = text.split("\n");
  const tooBig = Buffer.byteLength(text) > yamlLimits.bytesMax;
  const tooDeep = !tooBig && nestingOf(text) > yamlLimits.depthMax;
  const document = parseDocument(tooBig || tooDeep ? "" : text, {
    lineCounter: counter,
    prettyErrors: false,
  });
  const empty = { file, lines, document, counter };
  if (tooBig) return { ...empty, value: undefined, findings: [tooBigFinding(file)] };
  if (tooDeep) return { ...empty, value: undefined, findings: [tooDeepFinding(file)] };
  const findings = [...firstCause(document.errors), ...document.warnings].map((fault): PlacedFinding => {
    const severity = document.errors.some((error) => error === fault) ? "error" : "warning";
    return { ...at(empty, fault.pos[0]), ...described(fault), severity };
  });
  const { value, finding } = findings.some(({ severity }) => severity === "error") ? {} : plain(empty);
  return { ...empty, value, findings: finding === undefined ? findings : [...findings, finding] };
}

/**
 * The place of a JSON pointer: the value's, or its key's where that is meant, or the value is a block or
 * missing.
 */
export function placeOf(
  yaml: YamlFile,
  pointer: string,
  meant: "value" | "key" = "value",
): Pick<PlacedFinding, "file" | "line" | "column" | "source"> {
  const parts = pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  let node: unknown = yaml.document.contents;
  let best: Node | undefined;
  for (const part of parts) {
    const next = child(node, part);
    if (next === undefined) break;
    const byValue = next.key === undefined || (meant === "value" && isScalar(next.value));
    best = next.value !== undefined && byValue ? next.value : next.key;
    node = next.value;
  }
  const place = at(yaml, best?.range?.[0] ?? 0);
  if (!pointer.endsWith("/apiKey") || !isScalar(best) || best.value === "apiKey") return place;
  if (/^(env|secret):\/\/[\w-]+$/.test(String(best.value))) return place;
  // A key that stands in the file is not printed too: what checks a project may write into a public log.
  const { source: _, ...bare } = place;
  return bare;
}

function child(node: unknown, part: string): { key: Node | undefined; value: Node | undefined } | undefined {
  if (isSeq(node)) {
    const value = node.items[Number(part)];
    return isNode(value) ? { key: undefined, value } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === part);
  if (pair === undefined || !isNode(pair.key)) return undefined;
  return { key: pair.key, value: isNode(pair.value) ? pair.value : undefined };
}

function at(
  yaml: Omit<YamlFile, "value" | "findings">,
  offset: number,
): Pick<PlacedFinding, "file" | "line" | "column" | "source"> {
  const { line, col } = yaml.counter.linePos(offset);
  if (line === 0) return { file: yaml.file };
  const source = yaml.lines[line - 1];
  return {
    file: yaml.file,
    line,
    column: col,
    ...(source === undefined ? {} : { source: source.replace(/\r$/, "") }),
  };
}

/** Behind the first place where the text is no YAML the parser is lost: what it says there only follows. */
function firstCause<F extends Fault>(errors: readonly F[]): F[] {
  const first = errors.findIndex(({ code }) => !standsAlone.has(code));
  return errors.filter(({ code }, n) => n === first || standsAlone.has(code));
}

const standsAlone: ReadonlySet<string> = new Set(["DUPLICATE_KEY", "TAB_AS_INDENT"]);

interface Fault {
  readonly code: string;
  readonly message: string;
}

function described({ code, message }: Fault): Pick<Finding, "code" | "message" | "hint"> {
  const [first = ""] = message.split("\n");
  if (code === "DUPLICATE_KEY") {
    return { code: "AF902", message: "this key is here twice", hint: "remove or rename one of the two" };
  }
  if (code === "TAB_AS_INDENT") {
    return { code: "AF901", message: "a tab is used to indent", hint: "YAML is indented with spaces" };
  }
  const hint = "the cause may be in the line before: an open bracket or quote, a missing colon or indent";
  return { code: "AF901", message: `not YAML: ${first}`, hint };
}

function plain(of: Omit<YamlFile, "value" | "findings">): { value?: unknown; finding?: PlacedFinding } {
  try {
    return { value: of.document.toJS({ maxAliasCount: yamlLimits.aliasesMax }) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const message = /alias/i.test(text)
      ? "its aliases (*name) unfold to too much"
      : `cannot be read: ${text}`;
    const hint = "write the values out";
    return {
      finding: { code: "AF903", severity: "error", message, hint, file: of.file, line: 1, column: 1 },
    };
  }
}

function tooBigFinding(file: string): PlacedFinding {
  const message = `over ${yamlLimits.bytesMax / 1024} KiB; it was not read`;
  return { code: "AF903", severity: "error", message, file };
}

function tooDeepFinding(file: string): PlacedFinding {
  return {
    code: "AF903",
    severity: "error",
    message: `nested deeper than ${yamlLimits.depthMax}; it was not read`,
    file,
  };
}

/** An upper bound of how deep the text can nest, before a parser recurses over it. */
function nestingOf(text: string): number {
  let open = 0;
  let deepest = 0;
  for (const letter of text) {
    if (letter === "[" || letter === "{") deepest = Math.max(deepest, ++open);
    else if (letter === "]" || letter === "}") open = Math.max(0, open - 1);
  }
  const indents = text.matchAll(/^( *)(?:(- )+)?/gm).map(([lead]) => lead.length / 2);
  return Math.max(deepest, ...indents.filter((indent) => indent > 64).take(1), 0);
}
