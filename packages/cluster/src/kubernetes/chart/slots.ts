/**
 * Places in an object that a chart fills in. A slot goes into the object as a word that nothing else says;
 * once the object is text, the template's own words take its place.
 */
import type { Json } from "@agentflow/protocol";

interface Slot {
  /** Takes the value's place: `replicas: {{ … }}`. */
  readonly kind: "value" | "block" | "optional";
  readonly expression: string;
}

export class Slots {
  readonly #slots: Slot[] = [];

  /** One value, on its line. */
  value(expression: string): string {
    return this.#add({ kind: "value", expression });
  }

  /** A value of any shape, below its key. */
  block(expression: string): string {
    return this.#add({ kind: "block", expression });
  }

  /** As `block`, and the key is left out where there is nothing. */
  optional(expression: string): string {
    return this.#add({ kind: "optional", expression });
  }

  #add(slot: Slot): string {
    this.#slots.push(slot);
    return `zzslot${this.#slots.length - 1}zz`;
  }

  /** The text with every slot as the template says it. */
  filled(text: string): string {
    return text
      .split("\n")
      .flatMap((line) => this.#line(line))
      .join("\n");
  }

  #line(line: string): string[] {
    const [, lead = "", dash = "", key = "", number = ""] =
      /^(\s*)((?:- )*)([^\s:]+): "?zzslot(\d+)zz"?$/.exec(line) ?? [];
    const slot = this.#slots[Number(number)];
    if (number === "" || slot === undefined) return [line];
    const { kind, expression } = slot;
    const deep = lead.length + dash.length + 2;
    if (kind === "value") return [`${lead}${dash}${key}: {{ ${expression} }}`];
    if (kind === "block") return [`${lead}${dash}${key}: {{- toYaml ${expression} | nindent ${deep} }}`];
    return [
      `${lead}{{- with ${expression} }}`,
      `${lead}${key}: {{- toYaml . | nindent ${deep} }}`,
      `${lead}{{- end }}`,
    ];
  }
}

/** Every value of a document, from the leaves up, as `edit` makes it. */
export function mapJson(value: Json, edit: (value: Json, path: readonly string[]) => Json): Json {
  return mapped(value, [], edit);
}

function mapped(
  value: Json,
  path: readonly string[],
  edit: (value: Json, path: readonly string[]) => Json,
): Json {
  if (Array.isArray(value)) {
    return edit(
      value.map((one: Json, n) => mapped(one, [...path, String(n)], edit)),
      path,
    );
  }
  if (typeof value !== "object" || value === null) return edit(value, path);
  const copy = Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, mapped(inner, [...path, key], edit)]),
  );
  return edit(copy, path);
}
