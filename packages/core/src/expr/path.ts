import { absent, member } from "./member.ts";
import { type CelNode, children, operands } from "./node.ts";
import { refusal } from "./problem.ts";
import { isAccess, literalKey } from "./refs.ts";
import { isData, sourceOf } from "./hooks.ts";

type Literal = string | number | bigint | boolean | null;

interface Access {
  readonly key: string | number;
  readonly optional: boolean;
  /** The source of what the key is looked up in, and where the access stands: for the error. */
  readonly text: string;
  readonly offset: number;
}

/** Reads data without the interpreter; gives exactly what it would give, or throws what it would throw. */
export type PathReader = (scope: { readonly [name: string]: unknown }) => unknown;

/**
 * A reader for an expression that only follows written keys (`steps.a.?output.items[0].orValue("")`), else
 * undefined.
 */
export function pathReader(node: CelNode, names: ReadonlySet<string>): PathReader | undefined {
  const given = defaultOf(node);
  const accesses: Access[] = [];
  let at: CelNode | undefined = given ? given.receiver : node;
  while (at && isAccess(at)) {
    const key = literalKey(at);
    if (key === undefined) return undefined;
    const left: CelNode | undefined = children(at)[0];
    const optional = at.op === ".?" || at.op === "[?]";
    accesses.unshift({ key, optional, text: sourceOf(left), offset: at.pos });
    at = left;
  }
  if (at?.op !== "id" || !names.has(String(at.args))) return undefined;
  const anyOptional = accesses.some((access) => access.optional);
  if (given && !anyOptional) return undefined;
  return reader({ name: String(at.args), offset: at.pos }, accesses, given?.value);
}

function reader(
  root: { name: string; offset: number },
  accesses: readonly Access[],
  fallback: Literal | undefined,
): PathReader {
  return (scope) => {
    let value = scope[root.name];
    if (!isData(value)) throw refusal("unknown_name", `Unknown variable: ${root.name}`, root.offset);
    let optional = false;
    for (const access of accesses) {
      optional ||= access.optional;
      const next = member(value, access.key);
      if (next === undefined) {
        if (optional) return fallback;
        throw absent(value, access);
      }
      value = next;
    }
    return value;
  };
}

function defaultOf(node: CelNode): { receiver: CelNode; value: Literal } | undefined {
  if (node.op !== "rcall" || operands(node)[0] !== "orValue") return undefined;
  const [receiver, literal] = children(node);
  if (!receiver || literal?.op !== "value" || !isLiteral(literal.args)) return undefined;
  return { receiver, value: literal.args };
}

function isLiteral(value: unknown): value is Literal {
  return value === null || ["string", "number", "bigint", "boolean"].includes(typeof value);
}
