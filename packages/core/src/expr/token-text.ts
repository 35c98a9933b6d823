/** The parser's complaints with tokens as they are written: `)` and not RPAREN. */
export function plainSyntax(message: string): string {
  const [, wanted, got] = /^Expected ([A-Z_]+), got ([A-Z_]+)$/.exec(message) ?? [];
  if (wanted !== undefined && got !== undefined) {
    return got === "EOF"
      ? `${textOf(wanted)} is missing at the end`
      : `${textOf(wanted)} is expected here, not ${textOf(got)}`;
  }
  const odd = /^Unexpected token: ([A-Z_]+)$/.exec(message)?.[1];
  if (odd === undefined) return message;
  return odd === "EOF"
    ? "it ends too early: something is missing behind this"
    : `${textOf(odd)} cannot stand here`;
}

function textOf(token: string): string {
  return texts.get(token) ?? token.toLowerCase();
}

const texts: ReadonlyMap<string, string> = new Map([
  ["EOF", "the end"],
  ["NUMBER", "a number"],
  ["STRING", "a text"],
  ["BOOLEAN", "true or false"],
  ["IDENTIFIER", "a name"],
  ["PLUS", "+"],
  ["MINUS", "-"],
  ["MULTIPLY", "*"],
  ["DIVIDE", "/"],
  ["MODULO", "%"],
  ["EQ", "=="],
  ["NE", "!="],
  ["LT", "<"],
  ["LE", "<="],
  ["GT", ">"],
  ["GE", ">="],
  ["AND", "&&"],
  ["OR", "||"],
  ["NOT", "!"],
  ["LPAREN", "("],
  ["RPAREN", ")"],
  ["LBRACKET", "["],
  ["RBRACKET", "]"],
  ["LBRACE", "{"],
  ["RBRACE", "}"],
  ["DOT", "."],
  ["COMMA", ","],
  ["COLON", ":"],
  ["QUESTION", "?"],
]);
