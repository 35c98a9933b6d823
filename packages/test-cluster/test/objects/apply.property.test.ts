import * as fc from "fast-check";
import { expect, test } from "vitest";
import { applyObject, type Ask } from "../../src/change.ts";
import { differenceOf, fieldsOf } from "../../src/fields/compare.ts";
import { managersOf } from "../../src/fields/managers.ts";
import { FieldSet } from "../../src/fields/set.ts";
import type { JsonObject } from "../../src/object.ts";
import { shapeOf } from "../../src/schema/shapes.ts";
import { gifts } from "./replayed.ts";

const shape = shapeOf("apps", "v1", "Deployment");

function ask(manager: string, force = false): Ask {
  const kind = {
    group: "apps",
    version: "v1",
    kind: "Deployment",
    resource: "deployments",
    namespaced: true,
  };
  return { kind, namespace: "one", name: "web", manager, fieldValidation: "Strict", force };
}

const key = fc.constantFrom("a", "b", "c", "d");
const value = fc.constantFrom("1", "2", "3");
const texts = fc.dictionary(key, value, { maxKeys: 3 });
const variables = fc.uniqueArray(fc.record({ name: key, value }), {
  selector: (one) => one.name,
  maxLength: 3,
});

/** What one team might say of a Deployment; what a Deployment cannot do without is always in it. */
const config = fc.record({
  labels: texts,
  annotations: texts,
  replicas: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  env: variables,
  sidecar: fc.boolean(),
});

type Config = typeof config extends fc.Arbitrary<infer Value> ? Value : never;

/** Nothing empty in it: an empty map is a claim on the whole of it, and the server keeps no empty maps. */
function rendered({ labels, annotations, replicas, env, sidecar }: Config): JsonObject {
  const variables = env.length === 0 ? {} : { env: env.map((one) => ({ ...one })) };
  const container = (name: string) => ({ name, image: "a:1", ...variables });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "web",
      namespace: "one",
      ...some("labels", labels),
      ...some("annotations", annotations),
    },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [container("main"), ...(sidecar ? [container("side")] : [])] },
      },
    },
  };
}

function some(key: string, texts: Readonly<Record<string, string>>): JsonObject {
  return Object.keys(texts).length === 0 ? {} : { [key]: texts };
}

function applied(config: JsonObject, live: JsonObject | undefined, by: Ask): JsonObject {
  const answer = applyObject(by, JSON.stringify(config), live, gifts);
  if (!answer.ok) throw new Error(answer.status.message);
  return answer.object;
}

test("to apply the same again changes nothing, whatever was applied before", () => {
  fc.assert(
    fc.property(config, config, (first, second) => {
      const before = applied(rendered(first), undefined, ask("team"));
      const live = applied(rendered(second), before, ask("team"));
      const again = applyObject(ask("team"), JSON.stringify(rendered(second)), live, gifts);
      expect(again).toMatchObject({ ok: true, changed: false, object: live });
    }),
  );
});

test("what a manager alone owned and leaves out is as if it had never said it", () => {
  fc.assert(
    fc.property(config, config, (first, second) => {
      const before = applied(rendered(first), undefined, ask("team"));
      const live = applied(rendered(second), before, ask("team"));
      const fresh = applied(rendered(second), undefined, ask("team"));
      expect(live["spec"]).toEqual(fresh["spec"]);
    }),
  );
});

test("two managers with different fields never conflict, in either order", () => {
  fc.assert(
    fc.property(config, texts, (whole, annotations) => {
      const own = rendered(whole);
      const names = Object.entries(annotations).map(([name, text]) => [`other/${name}`, text] as const);
      const others: JsonObject = {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "web", ...some("annotations", Object.fromEntries(names)) },
        spec: { minReadySeconds: 5 },
      };
      const live = applied(others, applied(own, undefined, ask("team")), ask("others"));
      // And the first goes on applying beside the second.
      const again = applied(own, live, ask("team"));
      expect(again).toEqual(live);
    }),
  );
});

test("all that was applied is owned, and by whoever applied it", () => {
  fc.assert(
    fc.property(config, config, (first, second) => {
      const one = rendered(first);
      const other = rendered(second);
      const live = applied(other, applied(one, undefined, ask("one")), ask("other", true));
      const owned = FieldSet.empty.union(...[...managersOf(live).values()].map((each) => each.fields));
      const said = fieldsOf({ spec: other["spec"] ?? {} }, shape).union(
        fieldsOf({ spec: one["spec"] ?? {} }, shape),
      );
      expect(said.minus(owned).ordered()).toEqual([]);
      // Who was overruled no longer owns what has another value now.
      const kept = managersOf(live).get(JSON.stringify(["one", "Apply", "", ""]))?.fields ?? FieldSet.empty;
      const { changed } = differenceOf({ spec: one["spec"] ?? {} }, { spec: live["spec"] ?? {} }, shape);
      expect(kept.and(changed).ordered()).toEqual([]);
    }),
  );
});

test("a conflict is refused unless it is forced, and then nothing is left to refuse", () => {
  fc.assert(
    fc.property(config, config, (first, second) => {
      const live = applied(rendered(first), undefined, ask("one"));
      const plain = applyObject(ask("other"), JSON.stringify(rendered(second)), live, gifts);
      const forced = applied(rendered(second), live, ask("other", true));
      const settled = applyObject(ask("other"), JSON.stringify(rendered(second)), forced, gifts);
      expect(settled).toMatchObject({ ok: true, changed: false });
      if (!plain.ok) expect(plain.status.code).toBe(409);
    }),
  );
});

test("sets of fields survive being written and read", () => {
  fc.assert(
    fc.property(config, (one) => {
      const fields = fieldsOf(rendered(one), shape);
      expect(FieldSet.fromFieldsV1(fields.toFieldsV1()).equals(fields)).toBe(true);
    }),
  );
});
