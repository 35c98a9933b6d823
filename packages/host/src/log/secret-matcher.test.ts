import { expect, test } from "vitest";
import { seededRandom } from "../virtual/seeded-random.ts";
import { createSecrets, redactJson } from "./index.ts";

const value = "canary-Zq8/+kV3'x\"y~é7";

test.each([
  ["hex", Buffer.from(value).toString("hex")],
  ["hex in capitals", Buffer.from(value).toString("hex").toUpperCase()],
  ["a printed buffer", String(Buffer.from(value).toString("hex").match(/../g)?.join(" "))],
  ["JSON in JSON", JSON.stringify(JSON.stringify({ key: value }))],
  ["ASCII JSON", JSON.stringify(value).replace("é", "\\u00e9")],
  ["a URL", new URLSearchParams({ key: value }).toString()],
  ["base64 in a URL", encodeURIComponent(Buffer.from(value).toString("base64"))],
  ["HTML", value.replaceAll('"', "&quot;").replaceAll("'", "&#39;")],
])("a value is hidden as %s", (_, text) => {
  const secrets = createSecrets();
  secrets.register(value);
  expect(secrets.redact(`<${text}>`)).toContain("[redacted]");
  expect(secrets.redact(`<${text}>`)).not.toContain(text.slice(4, 14));
});

test("base64 in lines of 76 is hidden line by line", () => {
  const secrets = createSecrets();
  const long = Array.from({ length: 30 }, (_, n) => `part-${n}`).join("/");
  secrets.register(long);
  const lines =
    Buffer.from(long)
      .toString("base64")
      .match(/.{1,76}/g) ?? [];
  for (const line of lines.filter(({ length }) => length >= 8))
    expect(secrets.redact(line)).toBe("[redacted]");
});

test("two values that overlap leave nothing of either", () => {
  const secrets = createSecrets();
  secrets.register("abcdef");
  secrets.register("defghi");
  expect(secrets.redact("-abcdefghi-")).toBe("-[redacted]-");
});

test("a stream gives what the whole text gives, wherever it is cut", () => {
  const secrets = createSecrets();
  for (const one of [value, "abcdef", "cdefgh", "abab-abac", "9999"]) secrets.register(one);
  const random = seededRandom(7);
  const words = [value, "abcdef", "abcde", "cdefgh", "abab-abac", "abab-abab-abac", "99", "9999", " ", "x"];
  words.push(Buffer.from(value).toString("base64"), Buffer.from(value).toString("hex"), value.slice(0, 9));
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: 12 }, () => words[pick(random, words.length)]).join("");
    const stream = secrets.stream();
    let out = "";
    for (let at = 0; at < text.length; ) {
      const size = 1 + pick(random, 9);
      out += stream.push(text.slice(at, at + size));
      at += size;
    }
    expect(out + stream.end()).toBe(secrets.redact(text));
  }
});

test("a stream holds nothing back that is no beginning of a secret", () => {
  const secrets = createSecrets();
  secrets.register("swordfish");
  const stream = secrets.stream();
  expect(stream.push("the word ")).toBe("the word ");
  expect(stream.push("is sword")).toBe("is ");
  expect(stream.push("s")).toBe("swords".slice(0, 5));
  expect(stream.end()).toBe("s");
});

test("a long beginning of a value is hidden wherever it was cut, a short one is not", () => {
  const secrets = createSecrets();
  secrets.register("correct-horse-battery-staple");
  const hex = Buffer.from("correct-horse-battery-staple").toString("hex");
  expect(secrets.redact("correct-horse… correct-hor…")).toBe("[redacted]… correct-hor…");
  expect(secrets.redact(`${hex.slice(0, 20)} and`)).toBe("[redacted] and");
});

test("the beginning of a value at the end of cut text is hidden, from four characters on", () => {
  const secrets = createSecrets();
  secrets.register("swordfish");
  expect(secrets.redactCut("it is sword")).toBe("it is [redacted]");
  expect(secrets.redactCut("it is swo")).toBe("it is swo");
});

test("in data, names, texts and numbers are hidden; what is no secret stays what it was", () => {
  const secrets = createSecrets();
  secrets.register("48151623");
  expect(redactJson({ "48151623": [48151623, 4815, null, true, { a: "x48151623" }] }, secrets)).toEqual({
    "[redacted]": ["[redacted]", 4815, null, true, { a: "x[redacted]" }],
  });
});

test("a thousand secrets are looked for as one is", () => {
  const secrets = createSecrets();
  for (let n = 0; n < 1_000; n++) secrets.register(`key-${n}-${"0123456789abcdef".repeat(2)}-${n}`);
  const line = `a long line of ordinary words and numbers 12345 ${"with more of them ".repeat(10)}`;
  expect(secrets.redact(`${line}key-777-${"0123456789abcdef".repeat(2)}-777 end`)).toBe(
    `${line}[redacted] end`,
  );
});

function pick(random: ReturnType<typeof seededRandom>, below: number): number {
  const [a = 0, b = 0] = random.bytes(2);
  return (a * 256 + b) % below;
}
