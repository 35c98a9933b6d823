import { AgentFlowError } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createLog, toSink } from "../log/index.ts";
import { hostSettings } from "../settings.ts";
import { virtualWorld } from "../virtual/index.ts";
import { type ConfigLayers, loadConfig, variableOf, watchConfig } from "./index.ts";

const schema = z.object({
  ...hostSettings,
  port: z.number().int().min(1).max(65_535).default(7_000),
  retainDays: z.number().default(7).meta({ reload: true }),
  origins: z.array(z.string()).default([]),
  strict: z.boolean().default(false),
  bus: z
    .object({
      url: z.string().default("embedded"),
      password: z.string().optional(),
      maxWaitMs: z.number().default(5),
    })
    .prefault({}),
  model: z.object({ apiKey: z.string().default("") }),
});

const files = (texts: { readonly [path: string]: string }): Pick<ConfigLayers, "readText"> => ({
  readText: async (path) => texts[path],
});

async function faultsOf(layers: ConfigLayers): Promise<AgentFlowError> {
  const error: unknown = await loadConfig(schema, layers).catch((thrown: unknown) => thrown);
  if (!AgentFlowError.is(error)) throw new Error("the configuration was accepted");
  return error;
}

describe("layers", () => {
  test("what stands elsewhere in the file is weaker than its settings, and has its line", async () => {
    const loaded = async (settings: string) => {
      const text = `pools:\n  big: {slots: 7}\nsettings:\n  retainDays: 3\n${settings}`;
      const elsewhere = { port: ["pools", "big", "slots"], stopMs: ["pools", "none", "slots"] };
      const project = { path: "agentflow.yaml", section: "settings", elsewhere };
      const layers = { project, ...files({ "agentflow.yaml": text }) };
      const { value, origins } = await loadConfig(schema, layers);
      return { port: value.port, place: origins.find(({ key }) => key === "port")?.place };
    };
    expect(await loaded("")).toEqual({ port: 7, place: "agentflow.yaml:2" });
    expect(await loaded("  port: 3\n")).toEqual({ port: 3, place: "agentflow.yaml:5" });
  });

  test("a flag beats the environment, that the project, that the user, that the default", async () => {
    const layers: ConfigLayers = {
      flags: { port: "1" },
      environment: { AF_PORT: "2", AF_RETAIN_DAYS: "2" },
      project: { path: "agentflow.yaml", section: "settings" },
      user: { path: "config.yaml" },
      ...files({
        "agentflow.yaml": "kind: Project\nsettings:\n  port: 3\n  retainDays: 3\n  stopMs: 3\n",
        "config.yaml": "port: 4\nretainDays: 4\nstopMs: 4\nbus:\n  maxWaitMs: 4\n",
      }),
    };
    const { value, origins } = await loadConfig(schema, layers);
    expect(value).toMatchObject({
      port: 1,
      retainDays: 2,
      stopMs: 3,
      bus: { maxWaitMs: 4, url: "embedded" },
    });
    const places = Object.fromEntries(
      origins.map(({ key, layer, place }) => [key, `${layer} ${place}`.trim()]),
    );
    expect(places).toMatchObject({
      port: "flag --port",
      retainDays: "environment AF_RETAIN_DAYS",
      stopMs: "project agentflow.yaml:5",
      "bus.maxWaitMs": "user config.yaml:5",
      "bus.url": "default",
    });
    expect(origins.map(({ key }) => key)).toContain("log.levels");
  });

  test("without any layer the defaults hold, also those inside sections", async () => {
    const { value, origins, notes } = await loadConfig(schema, {});
    expect(value.log).toEqual({ level: "info", levels: {}, format: "json" });
    expect(value.bus).toEqual({ url: "embedded", maxWaitMs: 5 });
    expect(origins.every(({ layer }) => layer === "default")).toBe(true);
    expect(notes).toEqual([]);
  });

  test("objects merge key by key across layers, lists and values are replaced", async () => {
    const { value } = await loadConfig(schema, {
      environment: { AF_LOG__LEVELS__CONTROL_PLANE: "debug", AF_ORIGINS: "a, b" },
      project: {
        values: { log: { levels: { api: "warn", "control-plane": "error" } }, origins: ["x"] },
        name: "p",
      },
    });
    expect(value.log.levels).toEqual({ api: "warn", "control-plane": "debug" });
    expect(value.origins).toEqual(["a", "b"]);
  });

  test("each entry of a record has its own origin", async () => {
    const { origins } = await loadConfig(schema, {
      environment: { AF_FLAGS__FAST_PATH: "25" },
      project: { path: "p.yaml" },
      ...files({ "p.yaml": "flags:\n  slow: true\n" }),
    });
    const entries = origins
      .filter(({ key }) => key.startsWith("flags"))
      .map(({ key, place, value }) => [key, place, value]);
    expect(entries).toEqual([
      ["flags.fast-path", "AF_FLAGS__FAST_PATH", 25],
      ["flags.slow", "p.yaml:2", true],
    ]);
  });

  test("text from flags and environment is read by the type its key wants", async () => {
    const { value } = await loadConfig(schema, {
      flags: { strict: "yes", "bus.maxWaitMs": "12", origins: '["a","b"]', flags: '{"x": true}' },
      environment: { AF_BUS__URL: "12", AF_PORT: "" },
    });
    expect(value).toMatchObject({
      strict: true,
      bus: { maxWaitMs: 12, url: "12" },
      origins: ["a", "b"],
      flags: { x: true },
    });
    expect(value.port).toBe(7_000);
  });

  test("the variable of a key is what the environment is read by", () => {
    expect(variableOf(["bus", "maxWaitMs"])).toBe("AF_BUS__MAX_WAIT_MS");
    expect(variableOf(["log", "levels", "control-plane"])).toBe("AF_LOG__LEVELS__CONTROL_PLANE");
  });

  test("a reference in a file is what its variable says, by its key's type, or a fault", async () => {
    const schema = z.object({ port: z.number(), hosts: z.array(z.string()), url: z.string() });
    const values = { port: "env://PORT", hosts: ["env://HOST?a.example", "b"], url: "env://URL?" };
    const project = { values, name: "p" };
    const variable = (name: string) => (name === "PORT" ? "8080" : undefined);
    const { value } = await loadConfig(schema, { project, variable });
    expect(value).toEqual({ port: 8080, hosts: ["a.example", "b"], url: "" });
    const none = loadConfig(schema, { project, variable: () => undefined });
    await expect(none).rejects.toThrow("PORT is not set");
  });

  test("secret values are masked in the origins, and references to secrets are not", async () => {
    const { value, origins } = await loadConfig(schema, {
      environment: { AF_BUS__PASSWORD: "hunter2" },
      project: { values: { model: { apiKey: "secret://model-key" } }, name: "p" },
    });
    expect(value.bus.password).toBe("hunter2");
    expect(JSON.stringify(origins)).not.toContain("hunter2");
    expect(origins.find(({ key }) => key === "bus.password")?.value).toBe("[redacted]");
    expect(origins.find(({ key }) => key === "model.apiKey")?.value).toBe("secret://model-key");
  });
});

describe("faults", () => {
  test("every fault is named at once, with key, layer, place and what was probably meant", async () => {
    const error = await faultsOf({
      flags: { "log.levle": "debug" },
      environment: { AF_PORT: "many" },
      project: { path: "agentflow.yaml", section: "settings" },
      user: { path: "config.yaml" },
      ...files({
        "agentflow.yaml": "name: x\nsettings:\n  log:\n    level: loud\n  retainDay: 3\n",
        "config.yaml": "bus: 7\n",
      }),
    });
    expect(error.code).toBe("invalid_project");
    expect(error.message.split("\n").map((line) => line.trim())).toEqual([
      "the configuration has 5 faults",
      "log.levle: there is no such setting (flag, --log-levle); did you mean log.level?",
      "retainDay: there is no such setting (project, agentflow.yaml:5); did you mean retainDays?",
      "bus: this is a section: it has keys, not a value (user, config.yaml:1)",
      expect.stringMatching(/^log\.level: Invalid option: .* \(project, agentflow\.yaml:4\)$/),
      expect.stringMatching(
        /^port: Invalid input: expected number, received string \(environment, AF_PORT\)$/,
      ),
    ]);
  });

  test("a fault outside the project is invalid input", async () => {
    expect((await faultsOf({ flags: { port: 0 } })).code).toBe("invalid_input");
  });

  test("a required key that is set nowhere is said to be set nowhere", async () => {
    const error: unknown = await loadConfig(z.object({ name: z.string() }), {}).catch(
      (thrown: unknown) => thrown,
    );
    expect(String(error)).toContain(
      "name: Invalid input: expected string, received undefined (not set anywhere)",
    );
  });

  test("broken YAML names file and line, and a key that stands twice is broken", async () => {
    const broken = await faultsOf({ user: { path: "c.yaml" }, ...files({ "c.yaml": "port: 1\nlog: [\n" }) });
    expect(broken.message).toMatch(/\(user, c\.yaml:\d\)/);
    const twice = await faultsOf({ user: { path: "c.yaml" }, ...files({ "c.yaml": "port: 1\nport: 2\n" }) });
    expect(twice.message).toContain("(user, c.yaml:2)");
  });

  test("an alias bomb and a file over 1 MiB are refused", async () => {
    const level = (n: number): string => `a${n}: &a${n} [${new Array(9).fill(`*a${n - 1}`).join(",")}]`;
    const bomb = ["a0: &a0 [x]", ...Array.from({ length: 9 }, (_, i) => level(i + 1)), "origins: *a9"].join(
      "\n",
    );
    const error = await faultsOf({ user: { path: "c.yaml" }, ...files({ "c.yaml": bomb }) });
    expect(error.message).toContain("origins: Excessive alias count");
    const huge = await faultsOf({
      user: { path: "c.yaml" },
      ...files({ "c.yaml": `#${"x".repeat(1024 * 1024)}` }),
    });
    expect(huge.message).toContain("larger than 1 MiB");
  });

  test("keys that reach into every object are refused in every layer", async () => {
    const text = "flags:\n  __proto__:\n    polluted: true\n";
    const error = await faultsOf({ user: { path: "c.yaml" }, ...files({ "c.yaml": text }) });
    expect(error.message).toContain("flags.__proto__: there is no such setting (user, c.yaml:2)");
    expect((await faultsOf({ flags: { "flags.constructor": "true" } })).message).toContain("no such setting");
    const { value } = await loadConfig(schema, { environment: { AF_FLAGS__CONSTRUCTOR: "true" } });
    expect(Object.keys(value.flags)).toEqual([]);
  });

  test("a variable that almost fits is noted, and others' variables are left alone", async () => {
    const { notes } = await loadConfig(schema, {
      environment: { AF_RETAIN_DAY: "3", AF_TEST_INSTALL: "1", OTHER: "x", AF_BUS: "x" },
    });
    expect(notes).toEqual(["AF_RETAIN_DAY is no setting of this process; did you mean AF_RETAIN_DAYS?"]);
  });

  test("where a client finds an installation is no misspelt setting", async () => {
    const { notes } = await loadConfig(z.object({ node: z.string().optional() }), {
      environment: { AF_TOKEN: "t", AF_URL: "http://h", AF_NOD: "n" },
    });
    expect(notes).toEqual(["AF_NOD is no setting of this process; did you mean AF_NODE?"]);
  });

  test("a missing or empty file is no fault", async () => {
    const { value } = await loadConfig(schema, {
      user: { path: "none" },
      project: { path: "p" },
      ...files({ p: "\n" }),
    });
    expect(value.port).toBe(7_000);
  });
});

describe("reload", () => {
  async function open(text: string) {
    const { time } = virtualWorld();
    const state = { text };
    const lines: string[] = [];
    const changes: unknown[] = [];
    const log = createLog({
      source: "control-plane",
      clock: time,
      outputs: [toSink((line) => lines.push(line))],
    });
    const watch = await watchConfig(
      schema,
      { project: { path: "p.yaml" }, readText: async () => state.text },
      { timers: time, log, onChange: (value, keys) => changes.push([keys, value.retainDays]) },
    );
    return { time, state, lines, changes, watch, said: () => lines.map((line) => JSON.parse(line).message) };
  }

  test("a key marked reloadable follows the file; others keep their value and need a restart", async () => {
    const { time, state, changes, watch, said } = await open("retainDays: 1\nport: 1\n");
    state.text = "retainDays: 2\nport: 2\nlog:\n  level: debug\n  format: text\n";
    await time.advance(10_000);
    const { value, origins } = watch.current();
    expect(value).toMatchObject({ retainDays: 2, port: 1, log: { level: "debug", format: "json" } });
    expect(origins.find(({ key }) => key === "port")).toMatchObject({ place: "p.yaml:2", value: 1 });
    expect(origins.find(({ key }) => key === "log.level")).toMatchObject({
      place: "p.yaml:4",
      value: "debug",
    });
    expect(changes).toEqual([[["log.level", "retainDays"], 2]]);
    expect(said()).toEqual(["configuration reloaded", "changed settings need a restart"]);
    expect(await watch.reload()).toEqual({ changed: [], needsRestart: ["log.format", "port"] });
  });

  test("a bad reload keeps the old value, says why once, and a later good one is taken", async () => {
    const { time, state, lines, watch, said } = await open("retainDays: 1\n");
    state.text = "retainDays: [\n";
    await time.advance(10_000);
    expect(watch.current().value.retainDays).toBe(1);
    expect(said()).toEqual(["the configuration was not reloaded; the old one stays"]);
    expect(lines[0]).toContain("p.yaml");
    expect((await watch.reload()).error?.code).toBe("invalid_project");
    state.text = "retainDays: 5\n";
    await time.advance(2_000);
    expect(watch.current().value.retainDays).toBe(5);
  });

  test("a stopped watch reads nothing more", async () => {
    const { time, state, watch } = await open("retainDays: 1\n");
    watch.stop();
    state.text = "retainDays: 2\n";
    await time.advance(10_000);
    expect(watch.current().value.retainDays).toBe(1);
    expect(time.pending()).toBe(0);
  });
});
