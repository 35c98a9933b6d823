import { describe, expect, test } from "vitest";
import {
  applyObject,
  createObject,
  patchObject,
  updateObject,
  type Answer,
  type Ask,
} from "../../src/change.ts";
import { draftOf, objectAt, textAt, within } from "../../src/draft.ts";
import { managersOf } from "../../src/fields/managers.ts";
import { shown } from "../../src/fields/path.ts";
import type { JsonObject } from "../../src/object.ts";
import { gifts } from "./replayed.ts";

function ask(manager: string, more: Partial<Ask> = {}): Ask {
  const kind = { group: "", version: "v1", kind: "ConfigMap", resource: "configmaps", namespaced: true };
  return { kind, namespace: "one", name: "map", manager, fieldValidation: "Strict", ...more };
}

function map(data: JsonObject): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "map", namespace: "one" }, data };
}

function done(answer: Answer): JsonObject {
  if (!answer.ok) throw new Error(answer.status.message);
  return answer.object;
}

/** `manager operation: places` of each entry. */
function owners(object: JsonObject): readonly string[] {
  return [...managersOf(object).values()].map(
    (one) => `${one.name} ${one.operation}: ${one.fields.ordered().map(shown).join(" ")}`,
  );
}

describe("an object that nobody is said to own", () => {
  const live: JsonObject = {
    ...map({ a: "1", b: "2" }),
    metadata: { name: "map", namespace: "one", uid: "u" },
  };

  test("has a manager before the first apply, whom the apply can meet", () => {
    const applied = done(applyObject(ask("team"), JSON.stringify(map({ a: "1" })), live, gifts));
    expect(owners(applied)).toEqual([
      "team Apply: .data.a",
      "before-first-apply Update: .data .data.a .data.b",
    ]);
    const against = applyObject(ask("team"), JSON.stringify(map({ a: "9" })), live, gifts);
    expect(against).toMatchObject({ ok: false, status: { code: 409 } });
  });

  test("is not tracked when it is written to", () => {
    const written = done(updateObject(ask("team"), map({ a: "2" }), live, gifts));
    expect(owners(written)).toEqual([]);
  });
});

test("a writer takes what it changes, and no more", () => {
  const live = done(applyObject(ask("team"), JSON.stringify(map({ a: "1", b: "2" })), undefined, gifts));
  const patch = { type: "merge", text: JSON.stringify({ data: { b: "3", c: "4" } }) } as const;
  const patched = done(patchObject(ask("editor"), patch, live, gifts));
  expect(owners(patched)).toEqual(["team Apply: .data.a", "editor Update: .data.b .data.c"]);
  // What was taken and is left out by the first is kept, what the first still owned alone goes.
  const applied = done(applyObject(ask("team"), JSON.stringify(map({})), patched, gifts));
  expect(applied["data"]).toEqual({ b: "3", c: "4" });
});

test("what a writer removes is owned by nobody", () => {
  const live = done(createObject(ask("maker", { name: "" }), map({ a: "1", b: "2" }), gifts));
  const put = map({ a: "1" });
  const written = done(updateObject(ask("editor"), put, live, gifts));
  expect(owners(written)).toEqual(["maker Update: .data .data.a"]);
});

test("a write that changes nothing is no change, whoever writes", () => {
  const live = done(applyObject(ask("team"), JSON.stringify(map({ a: "1" })), undefined, gifts));
  expect(updateObject(ask("editor"), live, live, gifts)).toMatchObject({ changed: false, object: live });
});

test("a manager has an entry for each way it writes", () => {
  const live = done(applyObject(ask("team"), JSON.stringify(map({ a: "1" })), undefined, gifts));
  const patch = { type: "json", text: JSON.stringify([{ op: "add", path: "/data/b", value: "2" }]) } as const;
  const patched = done(patchObject(ask("team"), patch, live, gifts));
  expect(owners(patched)).toEqual(["team Apply: .data.a", "team Update: .data.b"]);
});

test("a replacement of another object of the name is refused", () => {
  const live = done(createObject(ask("maker", { name: "" }), map({ a: "1" }), gifts));
  const stale = draftOf(map({ a: "2" }));
  within(stale, "metadata")["uid"] = "another";
  const answer = updateObject(ask("maker"), stale, live, gifts);
  expect(answer).toMatchObject({ ok: false, status: { code: 409, reason: "Conflict" } });
  expect(textAt(objectAt(live, "metadata"), "uid")).not.toBe("another");
});

test("unknown fields of a write are refused, warned of, or dropped in silence", () => {
  const body = { ...map({ a: "1" }), dato: { b: "1" } };
  const by = (fieldValidation: Ask["fieldValidation"]) =>
    createObject(ask("team", { name: "", fieldValidation }), body, gifts);
  expect(by("Strict")).toMatchObject({ ok: false, status: { code: 400 } });
  expect(by("Warn")).toMatchObject({ ok: true, warnings: ['unknown field "dato"'] });
  expect(by("Ignore")).toMatchObject({ ok: true, warnings: [] });
  expect(done(by("Ignore"))).not.toHaveProperty("dato");
});
