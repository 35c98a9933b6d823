import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { caseNames, rendered } from "../model/fixtures/projects.ts";
import { copyName } from "../model/names.ts";
import { composeOf } from "./compose.ts";

/** As compose reads it: of YAML 1.2, with merge keys. */
function read(text: string): {
  services: { [name: string]: { [key: string]: unknown } };
  [key: string]: unknown;
} {
  return parse(text, { merge: true });
}

describe.each(caseNames)("the compose file of %s", (name) => {
  test("is as it was, to the letter", async () => {
    await expect(composeOf(await rendered(name))).toMatchFileSnapshot(`golden/${name}.yaml`);
  });

  test("has every copy of every part, each as hard as the other", async () => {
    const installation = await rendered(name);
    const { services } = read(composeOf(installation));
    const copies = installation.parts.flatMap((part) =>
      Array.from({ length: part.replicas }, (_, n) => copyName(part.name, n + 1)),
    );
    expect(Object.keys(services).filter((one) => one !== "secrets-1")).toEqual(copies);
    for (const copy of copies) {
      expect(services[copy]).toMatchObject({
        user: "1000:1000",
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        init: true,
        pids_limit: expect.any(Number),
        mem_limit: expect.any(String),
        logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } },
      });
    }
  });

  test("publishes the API and nothing else", async () => {
    const { services } = read(composeOf(await rendered(name)));
    const open = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(open.map(([service]) => service.replace(/-\d+$/, ""))).toEqual(open.map(() => "control-plane"));
    expect(open.length).toBeGreaterThan(0);
  });
});

test("what stands for itself is not taken for a variable", async () => {
  const text = composeOf(await rendered("large"));
  expect(text).toContain("$$5 $${NOT_A_VARIABLE}");
});

test("secrets come from variables of the reader, through one job that workers wait for", async () => {
  const { services, secrets } = read(composeOf(await rendered("large")));
  expect(secrets).toMatchObject({ "model-key": { environment: "MODEL_KEY" } });
  expect(services["worker-default-1"]).toMatchObject({
    depends_on: { "secrets-1": { condition: "service_completed_successfully" } },
  });
  const given = Object.entries(services).filter(([, service]) => service["secrets"] !== undefined);
  expect(given.map(([service]) => service)).toEqual(["secrets-1"]);
  expect(read(composeOf(await rendered("small")))["secrets"]).toBeUndefined();
});

test("the first service of an image builds it, the others take it", async () => {
  const installation = await rendered("large");
  const image = installation.parts.find(({ role }) => role === "worker")?.image ?? "";
  const build = { [image]: { context: ".", dockerfile: "Dockerfile" } };
  const { services } = read(composeOf(installation, { build }));
  const building = Object.entries(services).filter(([, service]) => service["build"] !== undefined);
  expect(building).toMatchObject([["secrets-1", { image }]]);
});
