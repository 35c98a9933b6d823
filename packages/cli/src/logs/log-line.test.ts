import { expect, test } from "vitest";
import { parseLogRecord } from "../local/parse-lines.ts";
import { render } from "../output/text.ts";
import { logfmt, logText } from "./log-line.ts";

test("a record of a source and level that this build does not know is a line like others", () => {
  const at = "2026-01-01T00:00:00.000Z";
  const foreign = { kind: "log", at, level: "\u001b[2J", source: "constructor", message: "m\u202e" };
  const lines = logText(parseLogRecord(JSON.stringify(foreign))).map((text) => render(text, true));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("constru");
  expect(lines[0]).not.toContain("\u001b[2J");
  expect(lines[0]).not.toContain("\u202e");
});

test("logfmt leaves out what is the same on every line: the form's version and the one tenant", () => {
  const of = (tenant: string): string =>
    logfmt(
      parseLogRecord(
        JSON.stringify({
          kind: "log",
          v: 1,
          at: "2026-01-01T00:00:00.000Z",
          level: "info",
          source: "worker",
          tenant,
          message: "code loaded",
          fields: { v: 3 },
        }),
      ),
    );
  expect(of("default")).toBe('at=2026-01-01T00:00:00.000Z level=info source=worker msg="code loaded" v=3');
  expect(of("acme")).toContain(" tenant=acme ");
});
