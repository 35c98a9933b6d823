import { expect, test } from "vitest";
import { virtualWorld } from "../virtual/index.ts";
import { createLog, createSecrets, isSecretKey, toSink } from "./index.ts";

const value = 's3cr/et+va lue"é~';

test("a registered value is hidden plain, JSON-escaped, URL-encoded and in base64 at any offset", () => {
  const secrets = createSecrets();
  secrets.register(value);
  const percent = encodeURIComponent(value);
  const spellings = [
    value,
    JSON.stringify(value),
    percent,
    percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    percent.replaceAll("%20", "+"),
    ...["", "a", "ab", "abc"].flatMap((before) => {
      const bytes = Buffer.from(`${before}${value}:after`);
      return [bytes.toString("base64"), bytes.toString("base64url")];
    }),
    Buffer.from(value).toString("base64"),
  ];
  for (const spelling of spellings) {
    expect(secrets.redact(`before ${spelling} after`), spelling).toContain("[redacted]");
  }
  expect(secrets.redact(`before ${value} after`)).toBe("before [redacted] after");
});

test("what base64 still shows around a hidden value does not give the value away", () => {
  const secrets = createSecrets();
  secrets.register("correct-horse-battery");
  for (const before of ["u", "us", "use", "user"]) {
    const encoded = Buffer.from(`${before}:correct-horse-battery`).toString("base64");
    const [head = "", tail = ""] = secrets.redact(encoded).split("[redacted]");
    const left = Buffer.from(head, "base64").toString() + Buffer.from(tail, "base64").toString();
    expect(left).not.toMatch(/corr|horse|batt/);
  }
});

test("a value is hidden until the last who registered it forgets it", () => {
  const secrets = createSecrets();
  const first = secrets.register("swordfish");
  const second = secrets.register("swordfish");
  first();
  first();
  expect(secrets.redact("swordfish")).toBe("[redacted]");
  second();
  expect(secrets.redact("swordfish")).toBe("swordfish");
});

test("values under four characters are left alone, and letters of patterns are taken literally", () => {
  const secrets = createSecrets();
  secrets.register("abc");
  secrets.register("a.c*[x");
  expect(secrets.redact("abc abcccx a.c*[x")).toBe("abc abcccx [redacted]");
});

test("a key printed line by line is hidden line by line", () => {
  const secrets = createSecrets();
  secrets.register(
    "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAAo\n-----END KEY-----",
  );
  expect(secrets.redact("line: MIIEvQIBADANBgkqhkiG9w0")).toBe("line: [redacted]");
});

test("keys whose names say secret are hidden, counts and references are not", () => {
  const hidden = [
    "password",
    "apiKey",
    "api_key",
    "X-Api-Key",
    "clientSecret",
    "token",
    "accessToken",
    "Authorization",
  ];
  for (const key of hidden) expect(isSecretKey(key), key).toBe(true);
  for (const key of ["tokens", "inputTokens", "key", "name", "author", "secretName"]) {
    expect(isSecretKey(key), key).toBe(false);
  }
});

test("secrets are hidden everywhere in a line: message, ids, names of keys, nested data, errors", () => {
  const lines: string[] = [];
  const secrets = createSecrets();
  secrets.register("swordfish-99");
  const { clock } = virtualWorld();
  const log = createLog({
    source: "worker",
    clock,
    secrets,
    errorMessages: true,
    outputs: [toSink((line) => lines.push(line))],
  });
  log.child({ step: "swordfish-99" }).info("using swordfish-99", {
    deep: { list: ["x swordfish-99 y"] },
    "swordfish-99": 1,
    error: new Error("login with swordfish-99 failed"),
    headers: { authorization: "Bearer xyz", cookie: "a=b" },
    password: "",
  });
  expect(lines[0]).not.toContain("swordfish-99");
  expect(lines[0]).not.toContain("Bearer");
  expect(JSON.parse(lines[0] ?? "").fields).toMatchObject({
    headers: { authorization: "[redacted]", cookie: "[redacted]" },
    password: "",
  });
});

test("a secret that is a number, or a word of the record itself, leaves the line a record", () => {
  const lines: string[] = [];
  const secrets = createSecrets();
  for (const value of ["info", "204810", "worker", "message"]) secrets.register(value);
  const outputs = [toSink((line) => lines.push(line))];
  createLog({ source: "worker", clock: virtualWorld().clock, secrets, outputs }).info("info 204810", {
    n: 204810,
  });
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "info",
    source: "worker",
    message: "[redacted] [redacted]",
    fields: { n: "[redacted]" },
  });
});
