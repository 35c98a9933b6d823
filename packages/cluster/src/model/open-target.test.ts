import { AgentFlowError, type Finding } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { effectiveYaml } from "./effective.ts";
import { opened } from "./fixtures/projects.ts";
import { dockerTargets, onDocker, onKubernetes, openTarget } from "./open-target.ts";

const head = "apiVersion: agentflow.dev/v1\nkind: Project\nname: triage\n";
const pools = "pools: {default: {concurrency: 8}, gpu: {concurrency: 1}}\n";
const model = (apiKey: string): string =>
  `models: {default: {provider: openai, model: m, apiKey: "${apiKey}"}}\n`;

async function refusal(text: string, target = "t", variables = {}): Promise<AgentFlowError> {
  try {
    await openTarget({ authored: parse(head + text), target, variables });
  } catch (error) {
    if (AgentFlowError.is(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

function findingsOf({ details }: AgentFlowError): readonly Finding[] {
  const { findings } = details;
  return Array.isArray(findings) ? findings : [];
}

describe("what is wrong with a target is refused with its place and a way out", () => {
  const t = (target: string): string => `${pools}targets: {t: {kind: docker, ${target}}}`;
  test.each<readonly [what: string, text: string, code: string, path: string, says: string]>([
    [
      "a pool that is not there",
      t("workers: {gpv: 1}"),
      "AF940",
      "/targets/t/workers/gpv",
      "did you mean gpu",
    ],
    [
      "a part that is not there",
      t("limits: {worker: {pids: 99}}"),
      "AF941",
      "/targets/t/limits/worker",
      "worker-gpu",
    ],
    ["a job as a part", t("limits: {keys: {pids: 99}}"), "AF941", "/targets/t/limits/keys", "parts are nats"],
    [
      "an overlay that makes the project invalid",
      t("overlay: {pools: {default: {concurrency: 0}}}"),
      "AF942",
      "/targets/t/overlay/pools/default/concurrency",
      "with this overlay",
    ],
    [
      "an overlay that removes what must be there",
      `${model("secret://k")}targets: {t: {kind: docker, overlay: {models: {default: {model: null}}}}}`,
      "AF942",
      "/targets/t/overlay/models/default/model",
      "with this overlay",
    ],
    ["an overlay of targets", t("overlay: {targets: {}}"), "AF943", "/targets/t/overlay/targets", "may hold"],
    ["an overlay of the name", t("overlay: {name: other}"), "AF943", "/targets/t/overlay/name", "may hold"],
    ["another bus", t("bus: redis"), "AF944", "/targets/t/bus", "bus: nats"],
    [
      "a login in an address",
      t('nats: {url: "nats://u:p@n:4222"}'),
      "AF945",
      "/targets/t/nats/url",
      "leave them out",
    ],
    [
      "a login in the second address",
      t('nats: {url: "nats://n, nats://u@n"}'),
      "AF945",
      "/targets/t/nats/url",
      "leave",
    ],
    [
      "an address of something else",
      t('nats: {url: "http://n"}'),
      "AF945",
      "/targets/t/nats/url",
      "nats://host",
    ],
    ["no address at all", t('nats: {url: "n1"}'), "AF945", "/targets/t/nats/url", "nats://host"],
    [
      "a variable that is not set",
      t('images: {base: "env://BASE"}'),
      "AF946",
      "/targets/t/images/base",
      "env://BASE?",
    ],
    [
      "one in the project",
      `${model("secret://k").replace("model: m", 'model: "env://M"')}targets: {t: {kind: docker}}`,
      "AF946",
      "/models/default/model",
      "env://M?",
    ],
    [
      "a key in a variable",
      `${model("env://KEY")}targets: {t: {kind: docker}}`,
      "AF947",
      "/models/default/apiKey",
      "secret://",
    ],
    [
      "a secret as a variable",
      t('environment: {K: "secret://k"}'),
      "AF947",
      "/targets/t/environment/K",
      "secrets:",
    ],
    [
      "a variable that is ours",
      t("environment: {AF_WORKER__POOL: x}"),
      "AF948",
      "/targets/t/environment/AF_WORKER__POOL",
      "leave it out",
    ],
    [
      "ports beyond the last",
      t("controlPlanes: 3, api: {port: 65534}"),
      "AF949",
      "/targets/t/api/port",
      "lower port",
    ],
  ])("%s", async (_, text, code, path, says) => {
    const error = await refusal(text);
    expect(error.code).toBe("invalid_project");
    const found = findingsOf(error).find((one) => one.code === code);
    expect(found).toMatchObject({ severity: "error", path });
    expect(`${found?.message} ${found?.hint}`).toContain(says);
  });

  test("containers by the name that means this machine", async () => {
    const error = await refusal("targets: {dev: {kind: docker}}", "dev");
    expect(findingsOf(error)).toMatchObject([{ code: "AF950", path: "/targets/dev/kind" }]);
  });

  test("an address from a variable is looked at as well, and is not shown", async () => {
    const error = await refusal(t('nats: {url: "env://NATS"}'), "t", { NATS: "nats://u:hidden@n:4222" });
    expect(findingsOf(error)).toMatchObject([{ code: "AF945", path: "/targets/t/nats/url" }]);
    expect(JSON.stringify(error.details) + error.message).not.toContain("hidden");
  });

  test("all of it is said at once", async () => {
    const error = await refusal(t("workers: {x: 1, y: 2}, bus: redis"));
    expect(findingsOf(error).map(({ code }) => code)).toEqual(["AF940", "AF940", "AF944"]);
  });

  test("a target that is not there is not found, and the one that is meant is named", async () => {
    const error = await refusal("targets: {staging: {kind: docker}}", "stagign");
    expect(error).toMatchObject({ code: "not_found", reason: "no_target" });
    expect(error.suggestions.join()).toContain("did you mean staging?");
    // A name of every object is no target.
    expect((await refusal("targets: {staging: {kind: docker}}", "constructor")).code).toBe("not_found");
  });

  test("a target of another kind is refused, whatever it says", async () => {
    expect(await refusal("targets: {t: {}}")).toMatchObject({ code: "invalid_input", reason: "target_kind" });
    const cluster = await openTarget({
      authored: parse(`${head}targets: {t: {kind: kubernetes}}`),
      target: "t",
      variables: {},
    });
    expect(() => onDocker(cluster)).toThrow("the target t is kubernetes, not docker");
    expect(onKubernetes(cluster).namespace).toBe("triage");
    await expect(async () => onKubernetes(await opened("small"))).rejects.toThrow(
      "is docker, not kubernetes",
    );
  });
});

describe("a target as it holds", () => {
  test("docker need not be named while no other target is an engine", async () => {
    const { settings } = await openTarget({ authored: parse(head), target: "docker", variables: {} });
    expect(settings).toMatchObject({ workers: { default: 1 }, nats: { replicas: 1 }, api: { port: 4180 } });
    expect(dockerTargets({ targets: { dev: {}, other: { kind: "docker" } } })).toEqual(["other"]);
    expect((await refusal("targets: {other: {kind: docker}}", "docker")).reason).toBe("no_target");
  });

  test("every value has the origin that it came from", async () => {
    const { origins, settingOrigins } = await opened("large");
    expect(origins.get("/models/default/provider")).toEqual({
      layer: "project",
      pointer: "/models/default/provider",
    });
    expect(origins.get("/models/default/model")).toEqual({
      layer: "environment",
      variable: "AF_MODEL",
      pointer: "/models/default/model",
    });
    expect(origins.get("/budgets/usd")).toEqual({
      layer: "overlay",
      pointer: "/targets/staging/overlay/budgets/usd",
    });
    expect(settingOrigins.get("/workers/default")?.layer).toBe("project");
    expect(settingOrigins.get("/limits/nats/cpus")?.layer).toBe("default");
    expect([...origins.keys()].filter((pointer) => pointer.startsWith("/targets"))).toEqual([]);
  });

  test("AF_BASE_IMAGE is the base where the target says nothing", async () => {
    const variables = { AF_BASE_IMAGE: "mine:1" };
    const { settings, settingOrigins } = await openTarget({
      authored: parse(head),
      target: "docker",
      variables,
    });
    expect(settings.images.base).toBe("mine:1");
    expect(settingOrigins.get("/images/base")).toEqual({ layer: "environment", variable: "AF_BASE_IMAGE" });
    const text = `${head}targets: {t: {kind: docker, images: {base: theirs}}}`;
    const said = await openTarget({ authored: parse(text), target: "t", variables });
    expect(said.settings.images.base).toBe("theirs");
  });

  test("copies that are asked for take the place of the file's", async () => {
    const authored = parse(`${head}targets: {t: {kind: docker, workers: {default: 2}}}`);
    const scale = { "worker-default": 5, "control-plane": 3 };
    const { settings, settingOrigins } = await openTarget({ authored, target: "t", variables: {}, scale });
    expect([settings.workers, settings.controlPlanes]).toEqual([{ default: 5 }, 3]);
    expect(settingOrigins.get("/workers/default")).toEqual({ layer: "flag" });
  });

  test("variables travel when the project names them, secrets by name alone", async () => {
    const { variables, secrets } = await opened("large");
    expect(variables).toEqual({ AF_MODEL: "large", OTLP: "http://otel:4318" });
    expect(secrets).toEqual(["model-key", "otlp"]);
  });

  test("the effective file has the overlay, and is the same however many workers there are", async () => {
    const text = effectiveYaml(await opened("large"));
    expect(parse(text)).toMatchObject({
      budgets: { usd: 50, tokens: 1000 },
      pools: { gpu: { concurrency: 1 } },
    });
    expect(text).not.toContain("targets");
    const of = (workers: number) =>
      openTarget({
        authored: parse(`${head}targets: {t: {kind: docker, workers: {default: ${workers}}}}`),
        target: "t",
        variables: {},
      });
    expect(effectiveYaml(await of(1))).toBe(effectiveYaml(await of(9)));
  });
});
