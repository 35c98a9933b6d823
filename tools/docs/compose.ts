/** docker-compose.yml at the top: the project of examples/docker, as `af up` would carry it. */
import { composeOf, openTarget, render } from "@agentflow/cluster";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { parseVersion } from "./parse-version.ts";

const root = resolve(import.meta.dirname, "../..");

const head = [
  "AgentFlow in containers, from a clone: docker compose up --build",
  "",
  "A control plane, NATS and a worker with the project of examples/docker, each as `af up` makes it.",
  "Then, once its workflow is registered, with the token of the first control plane:",
  "  docker wait demo-docker-register-1",
  "  docker compose cp control-plane-1:/etc/agentflow/keys/token token",
  "  AF_URL=http://127.0.0.1:4180 AF_TOKEN_FILE=token af run digest --input text='so many words'",
  "",
  "Behind a company's proxy, builds trust the certificates that NODE_EXTRA_CA_CERTS names.",
  "Made by `npm run docs` from examples/docker/agentflow.yaml: change that one, or the renderer.",
];

export async function composeFile(): Promise<{ readonly file: string; readonly text: string }> {
  const version = parseVersion(readFileSync(join(root, "package.json"), "utf8"));
  const authored: unknown = parse(readFileSync(join(root, "examples/docker/agentflow.yaml"), "utf8"));
  const target = await openTarget({ authored, target: "docker", variables: {} });
  const images = {
    nats: target.settings.images.nats,
    controlPlane: `agentflow/control-plane:${version}`,
    worker: `agentflow/${target.project.name}:${version}`,
  };
  const build = (stage: string) => ({
    context: ".",
    dockerfile: "deploy/docker/demo.Dockerfile",
    target: stage,
    args: { BASE_IMAGE: `\${AF_BASE_IMAGE:-${target.settings.images.base}}` },
    secrets: ["ca"],
  });
  const text = composeOf(render({ target, images, version }), {
    head,
    build: { [images.controlPlane]: build("control-plane"), [images.worker]: build("demo") },
    buildSecrets: { ca: { file: "${NODE_EXTRA_CA_CERTS:-/dev/null}" } },
  });
  return { file: "docker-compose.yml", text };
}
