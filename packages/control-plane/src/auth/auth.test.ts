import { openMemoryBus } from "@agentflow/bus/memory";
import { virtualWorld } from "@agentflow/host/virtual";
import { defaultTenant, parseId } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { createGate } from "./gate.ts";
import { createKeys, keyCacheMs, sha256 } from "./keys.ts";
import { requireScope } from "./principal.ts";
import { createThrottle } from "./throttle.ts";

const other = parseId("tenant", "other");

async function house() {
  const world = virtualWorld(7);
  const bus = openMemoryBus({ world, polite: true });
  const keys = createKeys({ table: bus.table, clock: world.clock, random: world.random });
  /** Lets virtual time run until the work is done. */
  const done = async <T>(work: Promise<T>): Promise<T> => {
    const settled = work.then(
      () => true,
      () => true,
    );
    const state = { over: false };
    void settled.then(() => (state.over = true));
    while (!state.over) {
      await world.time.settle();
      if (!state.over) world.time.step();
    }
    return work;
  };
  return { world, bus, keys, done };
}

describe("API keys", () => {
  test("a key opens its tenant with its scopes, and only its hash is kept", async () => {
    const { bus, keys, done } = await house();
    const { key, view } = await done(keys.create({ name: "ci", tenant: other, scopes: ["runs:read"] }));
    const principal = await done(keys.authenticate(key));
    expect(principal).toMatchObject({ tenant: "other", name: `key:${view.id}` });
    expect([...principal.scopes]).toEqual(["runs:read"]);
    const stored = await done(bus.table.list("key."));
    expect(JSON.stringify(stored)).not.toContain(key.split("_")[3]);
  });

  test.each([
    ["a wrong checksum", (key: string) => `${key.slice(0, -1)}${key.endsWith("A") ? "B" : "A"}`],
    ["another secret", (key: string) => key.replace(/_[^_]{43}_/, `_${"x".repeat(43)}_`)],
    ["trailing text", (key: string) => `${key}x`],
    ["nothing", () => ""],
    ["a header injection", (key: string) => `${key}\r\nx: y`],
  ])("%s is refused", async (_, spoil) => {
    const { keys, done } = await house();
    const { key } = await done(keys.create({ name: "ci", tenant: other, scopes: ["admin"] }));
    await expect(done(keys.authenticate(spoil(key)))).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("a wrong checksum costs no look-up", async () => {
    const { bus, keys, done } = await house();
    const { key } = await done(keys.create({ name: "ci", tenant: other, scopes: ["admin"] }));
    let reads = 0;
    const counting = createKeys({
      table: { ...bus.table, get: async () => void reads++ },
      clock: { now: () => 0, monotonic: () => 0 },
      random: { bytes: (n) => new Uint8Array(n), number: () => 0 },
    });
    await expect(counting.authenticate(`${key.slice(0, -6)}000000`)).rejects.toThrow("not valid");
    expect(reads).toBe(0);
  });

  test("an expired key and a revoked one open nothing", async () => {
    const { world, keys, done } = await house();
    const soon = new Date(world.clock.now() + 60_000).toISOString();
    const short = await done(
      keys.create({ name: "short", tenant: other, scopes: ["admin"], expiresAt: soon }),
    );
    const gone = await done(keys.create({ name: "gone", tenant: other, scopes: ["admin"] }));
    await done(keys.authenticate(short.key));
    await done(keys.authenticate(gone.key));
    await done(keys.revoke(other, gone.view.id));
    await world.time.advance(60_000 + keyCacheMs);
    await expect(done(keys.authenticate(short.key))).rejects.toThrow("expired");
    await expect(done(keys.authenticate(gone.key))).rejects.toThrow("not valid");
  });

  test("a clock that is set back keeps no revoked key alive", async () => {
    const { world, bus, keys, done } = await house();
    const { key, view } = await done(keys.create({ name: "ci", tenant: other, scopes: ["admin"] }));
    let backMs = 0;
    const clock = { now: () => world.clock.now() - backMs, monotonic: () => world.clock.monotonic() };
    const elsewhere = createKeys({ table: bus.table, clock, random: world.random });
    await done(elsewhere.authenticate(key));
    await done(keys.revoke(other, view.id));
    backMs = 3_600_000;
    await world.time.advance(keyCacheMs);
    await expect(done(elsewhere.authenticate(key))).rejects.toThrow("not valid");
  });

  test("another tenant's key is not found, not forbidden", async () => {
    const { keys, done } = await house();
    const { view } = await done(keys.create({ name: "ci", tenant: other, scopes: ["admin"] }));
    await expect(done(keys.revoke(defaultTenant, view.id))).rejects.toMatchObject({ code: "not_found" });
    expect(await done(keys.list(defaultTenant))).toEqual([]);
  });
});

function notAsked(): Promise<never> {
  return Promise.reject(new Error("not asked"));
}

describe("the gate", () => {
  const gate = createGate({
    keys: {
      authenticate: notAsked,
      create: notAsked,
      list: notAsked,
      revoke: notAsked,
    },
    localTokenHash: sha256("secret"),
    hosts: () => new Set(["127.0.0.1:4180", "localhost:4180"]),
    origins: new Set(["https://console.example"]),
  });
  const knock = { host: "127.0.0.1:4180", origin: undefined, authorization: undefined };

  test.each([
    [undefined],
    ["evil.example"],
    ["127.0.0.1:4181"],
    ["127.0.0.1"],
    ["localhost:4180.evil.example"],
    ["127.0.0.1:4180@evil.example"],
  ])("the Host %s is refused", (host) => {
    expect(() => gate.checkAddress({ ...knock, host })).toThrow("does not name this API");
  });

  test.each([["https://evil.example"], ["null"], ["http://127.0.0.1:4180.evil.example"], ["file://"]])(
    "the Origin %s is refused",
    (origin) => {
      expect(() => gate.checkAddress({ ...knock, origin })).toThrow("may not call");
    },
  );

  test.each([["http://localhost:4180"], ["https://console.example"]])("the Origin %s may call", (origin) => {
    expect(() => gate.checkAddress({ ...knock, origin })).not.toThrow();
  });

  test("at the end of a forward it answers at any port, and takes no other port's page for its own", () => {
    const forwarded = createGate({
      keys: { authenticate: notAsked, create: notAsked, list: notAsked, revoke: notAsked },
      hosts: () => new Set(["127.0.0.1:*", "localhost:*", "agents.example.com"]),
      origins: new Set(),
    });
    const knockAt = (host: string, origin?: string) => () =>
      forwarded.checkAddress({ host, origin, authorization: undefined });
    for (const host of [
      "127.0.0.1:39217",
      "localhost:8080",
      "LOCALHOST:1",
      "127.0.0.1",
      "agents.example.com",
    ]) {
      expect(knockAt(host)).not.toThrow();
    }
    for (const host of [
      "evil.example:80",
      "127.0.0.1.evil.example:1",
      "agents.example.com:81",
      "127.0.0.1:*x",
    ]) {
      expect(knockAt(host)).toThrow("does not name this API");
    }
    expect(knockAt("127.0.0.1:39217", "http://127.0.0.1:39217")).not.toThrow();
    expect(knockAt("127.0.0.1:39217", "http://127.0.0.1:3000")).toThrow("may not call");
    expect(knockAt("127.0.0.1:39217", "http://localhost:39217")).toThrow("may not call");
  });

  test("the local token is the local user, with every scope; no token is nobody", async () => {
    const principal = await gate.identify({ ...knock, authorization: "Bearer secret" });
    expect(() => requireScope(principal, "admin")).not.toThrow();
    await expect(gate.identify(knock)).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(gate.identify({ ...knock, authorization: "Basic secret" })).rejects.toThrow("no token");
  });

  test("a browser's socket brings its token as a subprotocol", async () => {
    const principal = await gate.identify({ ...knock, protocols: "agentflow, bearer.secret" });
    expect(principal.name).toBe("local");
  });
});

describe("failed authentications", () => {
  const limits = { burst: 3, refillMs: 1_000, addressesMax: 2 };

  test("are slowed down by address, and one more is allowed after a while", () => {
    let now = 0;
    const throttle = createThrottle({ clock: { monotonic: () => now }, limits });
    for (let i = 0; i < 3; i++) {
      throttle.check("10.0.0.1");
      throttle.failed("10.0.0.1");
    }
    expect(() => throttle.check("10.0.0.1")).toThrow(
      expect.objectContaining({ code: "limit_exceeded", details: { retryAfterMs: 1_000 } }),
    );
    throttle.check("10.0.0.2");
    now = 1_000;
    throttle.check("10.0.0.1");
    throttle.failed("10.0.0.1");
    expect(() => throttle.check("10.0.0.1")).toThrow("too many");
  });

  test("of one IPv6 network count together, and no more addresses are kept than said", () => {
    const throttle = createThrottle({ clock: { monotonic: () => 0 }, limits });
    for (const last of ["1", "2", "3"]) throttle.failed(`2001:db8:1:2:0:0:0:${last}`);
    expect(() => throttle.check("2001:db8:1:2:ffff::9")).toThrow("too many");
    for (let i = 0; i < 50; i++) throttle.failed(`10.0.0.${i}`);
    expect(throttle.size).toBe(2);
  });
});
