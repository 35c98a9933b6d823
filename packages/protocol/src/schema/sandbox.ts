/** Schemas of sandboxes: the project's word, what is planned for a tool, what applied to a call. */
import { z } from "zod";
import { sandboxBounds, sandboxDefaults, sandboxHostPattern, sandboxToolPattern } from "../sandbox.ts";
import { authored, list, record } from "./parse-object.ts";

const { memoryMb, cpus, pids, tmpMb } = sandboxBounds;

const limits = {
  memoryMb: z
    .int()
    .min(memoryMb.min)
    .max(memoryMb.max)
    .exactOptional()
    .meta({ description: "Memory in MiB.", default: sandboxDefaults.memoryMb }),
  cpus: z
    .number()
    .min(cpus.min)
    .max(cpus.max)
    .exactOptional()
    .meta({ description: "Cores, or parts of one.", default: sandboxDefaults.cpus }),
  pids: z
    .int()
    .min(pids.min)
    .max(pids.max)
    .exactOptional()
    .meta({ description: "Processes and threads.", default: sandboxDefaults.pids }),
  tmpMb: z
    .int()
    .min(tmpMb.min)
    .max(tmpMb.max)
    .exactOptional()
    .meta({ description: "Size of /tmp in MiB; it counts as memory.", default: sandboxDefaults.tmpMb }),
};

const host = z.string().regex(sandboxHostPattern, { error: "is not host:port, such as api.example.com:443" });

export const sandboxPolicy = authored({
  tools: list(
    z.string().regex(sandboxToolPattern, { error: "is not a tool: write file.export or file.*" }),
    200,
  )
    .exactOptional()
    .meta({
      description: "Tools that are untrusted whatever their definition says: each call in a sandbox.",
      examples: [["scripts.*", "code.run"]],
    }),
  network: list(host, 200)
    .exactOptional()
    .meta({
      description: "Hosts that untrusted tools may ask for. None when left out.",
      examples: [["api.example.com:443"]],
    }),
  limits: authored(limits)
    .exactOptional()
    .meta({ description: "The most that a call of an untrusted tool may have." }),
});

const profile = z.literal("docker");
const hosts = list(z.string()).describe("Hosts it can reach; none: no network.");
const origin = z.enum(["definition", "project", "default"]);
const some = { memoryMb: z.number(), cpus: z.number(), pids: z.number(), tmpMb: z.number() };

export const sandboxPlan = record({
  profile,
  network: hosts,
  ...some,
  from: record({
    profile: origin,
    network: origin,
    memoryMb: origin,
    cpus: origin,
    pids: origin,
    tmpMb: origin,
  }).describe("Who said so."),
  asked: record({
    definition: record({
      profile: profile.exactOptional(),
      network: z.union([z.literal("none"), list(z.string())]).exactOptional(),
      memoryMb: z.number().exactOptional(),
      cpus: z.number().exactOptional(),
      pids: z.number().exactOptional(),
      tmpMb: z.number().exactOptional(),
    }).exactOptional(),
    project: record({
      tools: list(z.string()).exactOptional(),
      network: list(z.string()).exactOptional(),
      limits: record({
        memoryMb: z.number().exactOptional(),
        cpus: z.number().exactOptional(),
        pids: z.number().exactOptional(),
        tmpMb: z.number().exactOptional(),
      }).exactOptional(),
    }).exactOptional(),
  }),
  refused: z.string().exactOptional().describe("Why no call is made."),
}).meta({ id: "SandboxPlan", description: "What a call of an untrusted tool gets." });

export const sandboxApplied = record({
  profile: z.enum(["docker", "kubernetes"]),
  runtime: z.string().describe("The engine's runtime, such as runc; of a pod its RuntimeClass."),
  image: z.string().describe("SHA-256 of the image."),
  network: hosts,
  ...some,
  user: z.string(),
  seccomp: z.string(),
  engine: z.string(),
}).meta({ id: "SandboxApplied", description: "What a call ran in, as the engine said of it." });
