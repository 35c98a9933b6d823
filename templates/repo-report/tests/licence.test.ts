import assert from "node:assert/strict";
import test from "node:test";
import { licenceOf, normalise } from "../lib/licence.ts";

for (const [given, text, kind] of [
  ["MIT", "MIT", "permissive"],
  ["mit", "MIT", "permissive"],
  ["(MIT OR CC0-1.0)", "MIT OR CC0-1.0", "permissive"],
  ["((MIT))", "MIT", "permissive"],
  ["Apache License, Version 2.0", "Apache-2.0", "permissive"],
  ["MIT/X11", "MIT OR X11", "permissive"],
  ["MPL-2.0", "MPL-2.0", "weak-copyleft"],
  ["LGPL-2.1", "LGPL-2.1-only", "weak-copyleft"],
  ["GPL-3.0", "GPL-3.0-only", "strong-copyleft"],
  ["GPL-2.0+", "GPL-2.0-or-later", "strong-copyleft"],
  ["agpl-3.0-or-later", "AGPL-3.0-or-later", "strong-copyleft"],
  ["Apache-2.0+", "Apache-2.0+", "permissive"],
  ["UNLICENSED", "UNLICENSED", "unknown"],
  ["SEE LICENSE IN LICENSE.md", "SEE LICENSE IN LICENSE.md", "unknown"],
  ["  ", "(none)", "missing"],
] as const) {
  test(`"${given}" reads as ${text}, ${kind}`, () => {
    assert.deepEqual(normalise(given), { text, class: kind });
  });
}

test("with OR the mildest licence counts, because the user may choose", () => {
  assert.equal(normalise("GPL-2.0-only OR MIT").class, "permissive");
  assert.equal(normalise("GPL-2.0-only OR Weird-1.0").class, "strong-copyleft");
});

test("with AND the strictest licence counts, because all of them bind", () => {
  assert.equal(normalise("MIT AND MPL-2.0").class, "weak-copyleft");
  assert.equal(normalise("MIT AND Weird-1.0").class, "unknown");
});

test("AND binds tighter than OR, and parentheses that matter stay", () => {
  assert.equal(normalise("MIT OR GPL-2.0-only AND MPL-2.0").class, "permissive");
  assert.deepEqual(normalise("(MIT OR GPL-3.0) AND GPL-2.0"), {
    text: "(MIT OR GPL-3.0-only) AND GPL-2.0-only",
    class: "strong-copyleft",
  });
});

test("an exception softens a strong copyleft", () => {
  assert.deepEqual(normalise("GPL-2.0-only WITH Classpath-exception-2.0"), {
    text: "GPL-2.0-only WITH Classpath-exception-2.0",
    class: "weak-copyleft",
  });
});

test("what is no expression stays as it is, cut to a length, and is unknown", () => {
  for (const odd of ["MIT OR", "(MIT", "MIT)", "AND", "MIT MIT", "<b>x</b>"]) {
    assert.deepEqual(normalise(odd), { text: odd, class: "unknown" });
  }
  assert.equal(normalise("x ".repeat(5_000)).text.length, 160);
  assert.equal(normalise("(".repeat(100_000)).class, "unknown");
});

test("an object, and the old list of licences, are read; a list is a choice", () => {
  assert.equal(licenceOf({ license: { type: "ISC", url: "x" } }).text, "ISC");
  assert.equal(licenceOf({ licenses: [{ type: "MIT" }, { type: "Apache2" }] }).text, "MIT OR Apache-2.0");
  assert.equal(licenceOf({ license: "", licenses: ["BSD"] }).text, "BSD");
});

test("no licence at all is missing, not unknown", () => {
  for (const declared of [{}, { license: null }, { license: [] }, { license: 7 }]) {
    assert.equal(licenceOf(declared).class, "missing");
  }
});
