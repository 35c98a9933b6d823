/** Bodies that have been bent on their way by some system or other. */
export const oddTexts: readonly { readonly name: string; readonly text: string }[] = [
  { name: "empty", text: "" },
  { name: "NUL inside", text: "before\u0000after" },
  { name: "all control characters", text: String.fromCharCode(...Array.from({ length: 32 }, (_, n) => n)) },
  { name: "CRLF and a protocol's end marker", text: "a\r\n\r\nPUB b 1\r\n.\r\n" },
  { name: "a byte order mark at the head", text: "\ufeffhead" },
  { name: "line separators", text: "a\u2028b\u2029c\u0085d" },
  { name: "bidi overrides", text: "user\u202egnp.exe\u2066\u2069" },
  { name: "astral characters and joined ones", text: "👩‍👩‍👧‍👦 𝔘𝔫𝔦 e\u0301 \u{10ffff}" },
  { name: "no JSON, and nearly JSON", text: '{"kind":"unknown","v":99,"a":1,"a":2,"n":1e999}' },
  { name: "numbers beyond doubles", text: '{"n":12345678901234567890.1234567890}' },
];
