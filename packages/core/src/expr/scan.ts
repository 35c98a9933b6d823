export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "expr"; readonly source: string; readonly offset: number };

/**
 * Splits a string at its `${ }`. `$${` is a literal `${`. The closing brace is found as CEL would read it:
 * braces in strings and comments do not count, nested ones do. With an unclosed `${` the result is its
 * offset.
 */
export function scanTemplate(text: string): readonly Part[] | { readonly unclosedAt: number } {
  const parts: Part[] = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    if (text.startsWith("$${", at)) {
      plain += "${";
      at += 3;
    } else if (text.startsWith("${", at)) {
      const end = closingBrace(text, at + 2);
      if (end === undefined) return { unclosedAt: at };
      if (plain) parts.push({ kind: "text", text: plain });
      plain = "";
      parts.push({ kind: "expr", source: text.slice(at + 2, end), offset: at + 2 });
      at = end + 1;
    } else {
      plain += text.charAt(at);
      at += 1;
    }
  }
  if (plain || parts.length === 0) parts.push({ kind: "text", text: plain });
  return parts;
}

function closingBrace(text: string, from: number): number | undefined {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '"' || char === "'") {
      at = afterString(text, at, char);
      continue;
    }
    if (text.startsWith("//", at)) {
      at = afterComment(text, at);
      continue;
    }
    if (char === "{") depth += 1;
    if (char === "}") {
      if (depth === 0) return at;
      depth -= 1;
    }
    at += 1;
  }
  return undefined;
}

/** A backslash hides the next character, in raw strings too: that is how the parser reads them. */
function afterString(text: string, from: number, quote: string): number {
  const triple = quote.repeat(3);
  const close = text.startsWith(triple, from) ? triple : quote;
  let at = from + close.length;
  while (at < text.length) {
    if (text.charAt(at) === "\\") at += 2;
    else if (text.startsWith(close, at)) return at + close.length;
    else at += 1;
  }
  return text.length;
}

function afterComment(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}
