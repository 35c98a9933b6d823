/** Schema of agentflow.yaml. Editors show the descriptions, so they are written for who types. */
import { z } from "zod";
import type { Json } from "../json.ts";
import type { BusKind, TargetDefinition } from "../project.ts";
import { referencePattern } from "../reference.ts";
import { apiVersion } from "../workflow.ts";
import { budgets } from "./budgets.ts";
import { duration, grammarInWords, idText } from "./parse-id.ts";
import { sandboxPolicy } from "./sandbox.ts";
import { authored, json, jsonObject, list } from "./parse-object.ts";

const referenceError = "is not a reference: write env://NAME, env://NAME?default or secret://name";

const busKinds: readonly BusKind[] = ["embedded", "nats", "redis", "rabbitmq"];

/** Any string of agentflow.yaml: plain text, or a reference that is well formed. */
const text = z.string().max(10_000).regex(referencePattern, { error: referenceError });

/** What stands in its place may be the key itself: these messages never show it. */
const onlyReference = z
  .string()
  .regex(referencePattern, { error: referenceError.replace(/^is not/, "this is not") })
  .regex(/^(env|secret):\/\//, {
    error: "a key stands here in the clear, in a file that is committed: write secret://name or env://NAME",
  });

const setting = json.superRefine((value, context) => {
  for (const path of malformedReferences(value)) {
    context.addIssue({ code: "custom", path: [...path], message: referenceError });
  }
});

const usdPerMillion = z.number().min(0).max(1_000_000);

const model = authored({
  provider: text.meta({
    description: "Who serves the model.",
    examples: ["openai-compatible", "openai", "anthropic"],
  }),
  model: text.meta({
    description: "The model's name at the provider.",
    examples: ["env://AF_MODEL?scripted"],
  }),
  baseUrl: text.exactOptional().meta({
    description: "Where the provider listens, when it is not the usual place.",
    examples: ["env://AF_MODEL_URL?", "http://localhost:11434/v1"],
  }),
  apiKey: onlyReference.exactOptional().meta({
    description: "Reference to the key, never the key: `secret://model-key` is MODEL_KEY in `.env`.",
    examples: ["secret://model-key"],
  }),
  fallbacks: list(idText("agent"), 10)
    .exactOptional()
    .meta({
      description: "Names under `models` that are asked in order when this one cannot answer.",
      examples: [["small"]],
    }),
  timeout: duration.exactOptional().meta({
    description: "Longest that one call may take.",
    default: "2m",
  }),
  price: authored({
    input: usdPerMillion.meta({ description: "Tokens in." }),
    output: usdPerMillion.meta({ description: "Tokens out." }),
    cacheRead: usdPerMillion.exactOptional().meta({ description: "Tokens read from a cache." }),
    cacheWrite: usdPerMillion.exactOptional().meta({ description: "Tokens written to a cache." }),
  })
    .exactOptional()
    .meta({ description: "US dollars for a million tokens, in place of the table that comes with af." }),
  script: text.exactOptional().meta({
    description: "For the provider `scripted`: the file that says what it answers, relative to the project.",
    examples: ["prompts/script.yaml"],
  }),
  options: jsonObject.exactOptional().meta({
    description: "What the provider takes beside; passed on as it is, under the provider's name.",
  }),
});

const pool = authored({
  concurrency: z
    .int()
    .min(1)
    .max(1_000)
    .meta({
      description: "How many tasks one worker of this pool runs at the same time.",
      examples: [8],
    }),
});

const workers = z
  .record(idText("pool"), z.int().min(0).max(10_000))
  .exactOptional()
  .meta({ description: "How many workers of each pool.", examples: [{ default: 2 }] });

const nats = authored({
  replicas: z.literal([1, 3, 5]).exactOptional().meta({
    description: "Servers that keep each record. 3 survive the loss of one.",
    default: 1,
  }),
  url: text.exactOptional().meta({
    description: "An existing NATS instead of one of our own.",
    examples: ["env://NATS_URL"],
  }),
})
  .exactOptional()
  .meta({ description: "NATS JetStream, when it is the bus." });

const bus = "What carries and keeps the records.";

const limitsOf = authored({
  cpus: z
    .number()
    .gt(0)
    .max(1_000)
    .exactOptional()
    .meta({ description: "Cores, or parts of one.", default: 1 }),
  memoryMb: z
    .int()
    .min(32)
    .max(4_000_000)
    .exactOptional()
    .meta({ description: "Memory in MiB: 1024 for a worker, 512 for the others when left out." }),
  pids: z.int().min(16).max(1_000_000).exactOptional().meta({ description: "Processes.", default: 512 }),
});

/** What Docker and Kubernetes have in common. */
const containers = {
  nats,
  workers,
  controlPlanes: z
    .int()
    .min(1)
    .max(100)
    .exactOptional()
    .meta({ description: "Copies of the control plane.", default: 1 }),
  images: authored({
    base: text
      .exactOptional()
      .meta({ description: "What our images are built on.", default: "node:24-slim" }),
    nats: text.exactOptional().meta({ description: "The NATS server.", default: "nats:2.15-alpine" }),
  })
    .exactOptional()
    .meta({ description: "Images that are not ours." }),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, { error: "is not a variable's name" }), text)
    .exactOptional()
    .meta({
      description: "Variables of the workers. A secret has no place here.",
      examples: [{ TZ: "UTC" }],
    }),
  limits: z
    .record(
      z.string().regex(/^[a-z]([a-z0-9-]{0,45}[a-z0-9])?$/, { error: "is not the name of a part" }),
      limitsOf,
    )
    .exactOptional()
    .meta({
      description: "What each copy of a part may use; by part: nats, control-plane, worker-<pool>.",
      examples: [{ "worker-default": { memoryMb: 1024 } }],
    }),
  overlay: z
    .record(z.string(), setting)
    .exactOptional()
    .meta({
      description: "What differs on this target: laid over this file key by key; null takes a key away.",
      examples: [{ pools: { default: { concurrency: 32 } } }],
    }),
};

const local = authored({
  kind: z.literal("local").exactOptional().meta({ description: "This machine, without containers." }),
  bus: z.enum(busKinds).exactOptional().meta({ description: bus, default: "embedded" }),
  nats,
  workers,
}).meta({ description: "This machine, without containers." });

const docker = authored({
  kind: z.literal("docker").meta({ description: "Containers on a Docker engine." }),
  host: text.exactOptional().meta({
    description: "The engine, when it is not the one that `docker` uses.",
    examples: ["ssh://build@example.com"],
  }),
  dockerContext: text.exactOptional().meta({
    description: "A context of Docker's own client, instead of `host`.",
    examples: ["colima"],
  }),
  bus: z.enum(busKinds).exactOptional().meta({ description: bus, default: "nats" }),
  api: authored({
    host: text.exactOptional().meta({ description: "Where the API is published.", default: "127.0.0.1" }),
    port: z.int().min(1).max(65_535).exactOptional().meta({ description: "Its port.", default: 4180 }),
  })
    .exactOptional()
    .meta({ description: "The API, as the engine's machine publishes it." }),
  ...containers,
}).meta({ description: "Containers on a Docker engine." });

const kubernetesName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, { error: "is not the name of a Kubernetes object" });

const kubernetes = authored({
  kind: z.literal("kubernetes").meta({ description: "A Kubernetes cluster." }),
  context: text.exactOptional().meta({
    description: "Context of the kubeconfig; the current one when left out.",
    examples: ["prod"],
  }),
  namespace: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, { error: "is not a Kubernetes namespace" })
    .exactOptional()
    .meta({ description: "Namespace to deploy to; the project's name when left out." }),
  bus: z.enum(["nats", "redis", "rabbitmq"]).exactOptional().meta({ description: bus, default: "nats" }),
  registry: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(\/[a-z0-9]+([._-]{1,2}[a-z0-9]+)*)*$/, {
      error: "is not a registry with a path, such as registry.example.com/team",
    })
    .exactOptional()
    .meta({
      description: "Where images are pushed to; without it the nodes must have them.",
      examples: ["registry.example.com/team"],
    }),
  pullSecrets: list(kubernetesName, 10)
    .exactOptional()
    .meta({
      description: "Secrets of the namespace with which nodes pull images.",
      examples: [["registry"]],
    }),
  imageLoad: text.exactOptional().meta({
    description: "Command that brings an image to the nodes, instead of a push; run for each.",
    examples: ["kind load docker-image {image}"],
  }),
  ingress: authored({
    host: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, { error: "is not a host name" })
      .meta({ description: "Name of the API.", examples: ["agents.example.com"] }),
    className: kubernetesName.exactOptional().meta({ description: "Class of the ingress." }),
    tlsSecret: kubernetesName
      .exactOptional()
      .meta({ description: "Secret of the namespace with its certificate." }),
  })
    .exactOptional()
    .meta({ description: "The API from outside the cluster; by a port-forward when left out." }),
  scaling: z
    .record(
      idText("pool"),
      authored({
        min: z.int().min(0).max(10_000).meta({ description: "Fewest workers; 0 needs KEDA." }),
        max: z.int().min(1).max(10_000).meta({ description: "Most workers." }),
      }),
    )
    .exactOptional()
    .meta({
      description: "Workers by load instead of a fixed number; by pool.",
      examples: [{ default: { min: 1, max: 10 } }],
    }),
  storage: authored({
    className: kubernetesName
      .exactOptional()
      .meta({ description: "Storage class; the cluster's default when left out." }),
    natsGb: z
      .int()
      .min(1)
      .max(65_536)
      .exactOptional()
      .meta({ description: "Volume of one NATS server, in GiB.", default: 10 }),
    filesGb: z.int().min(1).max(65_536).exactOptional().meta({
      description:
        "Volume in which tools leave files, in GiB; without it each worker has its own, lost with it.",
    }),
  })
    .exactOptional()
    .meta({ description: "Volumes." }),
  runtimeClass: kubernetesName.exactOptional().meta({
    description: "RuntimeClass of the pods in which untrusted tools run.",
    examples: ["gvisor"],
  }),
  nodeSelector: z
    .record(z.string().regex(/^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/), text)
    .exactOptional()
    .meta({ description: "Labels that a node must have.", examples: [{ "kubernetes.io/arch": "amd64" }] }),
  ...containers,
}).meta({ description: "A Kubernetes cluster." });

const target: z.ZodType<TargetDefinition> = z.discriminatedUnion("kind", [local, docker, kubernetes], {
  error: (issue) =>
    issue.code === "invalid_union" ? "is not a kind of target: write local, docker or kubernetes" : undefined,
});

export const models = z.record(idText("agent"), model);

export const project = authored({
  apiVersion: z.literal(apiVersion).meta({ description: "Version of this file's format." }),
  kind: z.literal("Project").meta({ description: "What this file is." }),
  name: idText("project").meta({
    description: `The project's name: ${grammarInWords.project}.`,
    examples: ["triage"],
  }),
  description: z.string().max(1_000).exactOptional().meta({ description: "What the project is for." }),
  models: models
    .exactOptional()
    .meta({ description: "Models by the name that agents use. `default` serves those that name none." }),
  pools: z
    .record(idText("pool"), pool)
    .exactOptional()
    .meta({ description: "Pools of workers. Steps that name none run in `default`." }),
  budgets: budgets.exactOptional().meta({ description: "What one run may use up." }),
  sandbox: sandboxPolicy.exactOptional().meta({
    description: "Untrusted tools: which they are, and the most that their calls may have.",
  }),
  targets: z
    .record(idText("project"), target)
    .exactOptional()
    .meta({ description: "Where the project runs: `dev` is this machine, others are deployed to." }),
  settings: z
    .record(z.string(), setting)
    .exactOptional()
    .meta({ description: "Settings of the processes, as the reference of the configuration lists them." }),
  flags: z
    .record(idText("agent"), z.union([z.boolean(), z.number().min(0).max(100)]))
    .exactOptional()
    .meta({ description: "Feature flags: on, off, or the percentage of keys for which it is on." }),
});

type Path = readonly (string | number)[];

/** Where in a setting a string begins as a reference and does not go on as one. */
function malformedReferences(root: Json): Path[] {
  const found: Path[] = [];
  const open: { readonly value: unknown; readonly path: Path }[] = [{ value: root, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path } = next;
    if (typeof value === "string" && !referencePattern.test(value)) found.push(path);
    if (typeof value !== "object" || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      open.push({ value: inner, path: [...path, Array.isArray(value) ? Number(key) : key] });
    }
  }
  return found;
}
