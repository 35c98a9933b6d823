import { expect, test } from "vitest";
import { parseDotenv } from "./dotenv.ts";

test.each<readonly [what: string, text: string, values: { readonly [name: string]: string }]>([
  ["a BOM", "\ufeffA=1\nB=2", { A: "1", B: "2" }],
  ["CRLF", "A=1\r\nB='x\r\ny'\r\n", { A: "1", B: "x\ny" }],
  ["export, spaces, an empty value", "export A = 1 \n B=\n", { A: "1", B: "" }],
  ["comments", "# c\n\nA=1 # one\nB='x # y' # c\nC= # none", { A: "1", B: "x # y", C: "" }],
  ["a # inside", "A=p#ss\nB=http://x/#y", { A: "p#ss", B: "http://x/#y" }],
  [
    "escapes in double quotes only",
    'A="a\\nb\\"c\\\\ \\$x \\d"\nB=\'a\\nb\'',
    { A: 'a\nb"c\\ $x \\d', B: "a\\nb" },
  ],
  [
    "several lines",
    'A="-----BEGIN\nabc=\n-----END"\nB=`1\'"\n2`',
    { A: "-----BEGIN\nabc=\n-----END", B: "1'\"\n2" },
  ],
  ["equals signs and other quotes inside", "A=a=b==\nB=it's", { A: "a=b==", B: "it's" }],
  ["nothing is put in", "A=$B ${C}", { A: "$B ${C}" }],
  ["the last wins", "A=1\nA=2", { A: "2" }],
  ["a name of objects", "__proto__=x\nconstructor=y", { __proto__x: "", constructor: "y" }],
])("%s", (what, text, values) => {
  const parsed = parseDotenv(text);
  if (what === "a name of objects") expect([...parsed.values.keys()]).toEqual(["__proto__", "constructor"]);
  else expect(Object.fromEntries(parsed.values)).toEqual(values);
  expect(parsed.faults).toEqual([]);
});

test("faults name the line and never the text", () => {
  const { values, faults } = parseDotenv('A=1\nsk-secret\nB=\'never closed sk-2\nC="x" sk-3\n');
  expect(faults).toEqual([
    { line: 2, message: "is no NAME=value" },
    { line: 3, message: "a ' is never closed" },
    { line: 4, message: 'text behind the closing "' },
  ]);
  expect(Object.fromEntries(values)).toEqual({ A: "1", C: "x" });
});
