import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type IdKind, type IdOf, grammar, parseId } from "./ids.ts";
import {
  installationToken,
  isSubject,
  parseInSubject,
  parseLogSubject,
  parseTaskSubject,
  prefixes,
  streamOf,
  subjects,
} from "./subjects.ts";

const id = <K extends IdKind>(kind: K): fc.Arbitrary<IdOf<K>> =>
  fc.stringMatching(grammar[kind]).map((text) => parseId(kind, text));

const parts = fc.record({
  shard: id("shard"),
  tenant: id("tenant"),
  run: id("run"),
  step: id("step instance"),
  pool: id("pool"),
  build: id("build"),
  source: id("source"),
});

describe("every subject that is built", () => {
  test("may be handed to a bus", () => {
    fc.assert(
      fc.property(parts, (of) => {
        const built = [
          subjects.run(of),
          subjects.turn(of),
          subjects.task(of),
          subjects.in(of),
          subjects.dead(of),
          subjects.audit(of.tenant),
          subjects.audit(installationToken),
          subjects.tele(of),
          subjects.tele({ tenant: installationToken, source: of.source }),
          subjects.live(of),
        ];
        expect(built.filter((subject) => !isSubject(subject))).toEqual([]);
      }),
    );
  });

  test("is read back into its parts, and by no other reader", () => {
    fc.assert(
      fc.property(parts, (of) => {
        const { shard, tenant, run, step, pool, build } = of;
        expect(parseLogSubject(subjects.run(of))).toEqual({ kind: "run", shard, tenant, run });
        expect(parseLogSubject(subjects.turn(of))).toEqual({ kind: "turn", shard, tenant, run, step });
        expect(parseTaskSubject(subjects.task(of))).toEqual({ tenant, pool, build });
        expect(parseInSubject(subjects.in(of))).toEqual({ shard, tenant });
        expect(parseLogSubject(subjects.task(of))).toBeUndefined();
        expect(parseTaskSubject(subjects.in(of))).toBeUndefined();
        expect(parseInSubject(subjects.run(of))).toBeUndefined();
      }),
    );
  });

  test("names its stream, and its prefix is the beginning of it", () => {
    fc.assert(
      fc.property(parts, (of) => {
        expect(streamOf(subjects.run(of))).toBe("log");
        expect(streamOf(subjects.task(of))).toBe("task");
        expect(streamOf(subjects.in(of))).toBe("in");
        expect(streamOf(subjects.dead(of))).toBe("dead");
        expect(streamOf(subjects.audit(of.tenant))).toBe("audit");
        expect(streamOf(subjects.tele(of))).toBe("tele");
        expect(streamOf(subjects.live(of))).toBe("live");
        expect(subjects.run(of).startsWith(prefixes.shard(of.shard))).toBe(true);
        expect(subjects.in(of).startsWith(prefixes.in(of.shard))).toBe(true);
      }),
    );
  });
});

const run = `r${"0".repeat(26)}`;
const hostile = [
  "",
  "af",
  "af.",
  "af.log",
  "af.log.",
  "af.log.*.acme.run.x",
  "af.log.>",
  "af.>",
  "$JS.API.STREAM.DELETE.AF_LOG_0",
  "_INBOX.abc",
  `af.log.00.acme.run.${run}.>`,
  `af.log.00.acme.run.${run} `,
  `af.log.00.acme.run.${run}\r\nPUB x 0`,
  `af.log.00.acme\u0000.run.${run}`,
  `af.log.00..run.${run}`,
  `af.log.00.acme\u202e.run.${run}`,
  `af.log.00.\u0430cme.run.${run}`,
  `x.af.log.00.acme.run.${run}`,
  `af.log.00.acme.run.${"x".repeat(500)}`,
];

test.each(hostile)("the hostile %j is no subject and has no parts", (text) => {
  expect(isSubject(text)).toBe(false);
  expect([parseLogSubject(text), parseTaskSubject(text), parseInSubject(text)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test.each([
  `af.log.64.acme.run.${run}`,
  `af.log.00._.run.${run}`,
  `af.log.00.acme.walk.${run}`,
  `af.log.00.acme.run.${run}.step`,
  `af.log.00.acme.turn.${run}`,
  `af.log.00.acme.turn.${run}.step.more`,
  "af.log.00.acme.run.r1",
])("%s is of no run: its reader skips it", (text) => {
  expect(parseLogSubject(text)).toBeUndefined();
});

test("the installation's own token is no tenant", () => {
  expect(grammar.tenant.test(installationToken)).toBe(false);
  expect(parseInSubject("af.in.00._")).toBeUndefined();
});
