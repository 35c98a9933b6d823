/** `af tool inspect --effective` as people read it. */
import { type SandboxOptions, showDuration, showNetwork, showSandbox } from "@agentflow/protocol";
import type { Output } from "../output/output.ts";
import { heading, printRecord, printTable } from "../output/table.ts";
import { cyan, green, red } from "../output/text.ts";
import type { SandboxProbe } from "../local/sandbox-probe.ts";
import type { EffectiveSandbox, EffectiveTool } from "./effective.ts";
import { printInCluster } from "./print-in-cluster.ts";

export function printEffective(output: Output, tool: EffectiveTool): void {
  const { sandbox } = tool;
  printRecord(output, [
    ["name", tool.name],
    ["what", tool.description],
    ["effect", tool.effect],
    ["file", tool.file],
    ["timeout", tool.timeoutMs === undefined ? undefined : showDuration(tool.timeoutMs)],
    ["secrets", tool.secrets?.join(", ") ?? "none"],
    ["approval", tool.approval],
    [
      "runs in",
      sandbox === undefined ? "a runner, beside other calls: it is trusted" : "a sandbox for each call",
    ],
  ]);
  if (sandbox !== undefined) printSandbox(output, sandbox);
}

const units = { memoryMb: " MiB", tmpMb: " MiB", cpus: "", pids: "", profile: "", network: "" } as const;
const titles = {
  profile: "profile",
  network: "network",
  memoryMb: "memory",
  cpus: "cores",
  pids: "processes",
  tmpMb: "/tmp",
} as const;
const origins = {
  definition: "the tool's definition",
  project: "sandbox: of agentflow.yaml",
  default: "default",
} as const;

function printSandbox(output: Output, sandbox: EffectiveSandbox): void {
  const { asked, effective, here, targets, inCluster, refused } = sandbox;
  heading(output, "Sandbox");
  const keys = ["profile", "network", "memoryMb", "cpus", "pids", "tmpMb"] as const;
  printTable(
    output,
    [
      { title: "WHAT", of: (key) => titles[key] },
      { title: "ASKED", of: (key) => askedText(asked.definition, key) },
      { title: "APPLIES", of: (key) => `${shown(effective[key].value)}${units[key]}` },
      { title: "FROM", of: (key) => origins[effective[key].from], flexible: true },
    ],
    keys,
  );
  if (refused !== undefined) {
    heading(output, "Refused");
    output.line([red("✗ "), refused]);
  }
  if (here !== undefined) printHere(output, here);
  if (inCluster !== undefined) printInCluster(output, inCluster);
  if (targets.length === 0) return;
  heading(output, "Targets");
  printTable(
    output,
    [
      { title: "TARGET", of: ({ target }) => target },
      { title: "", of: ({ allowed }) => (allowed ? green("✓") : red("✗")) },
      { title: "SANDBOX", of: ({ why }) => why, flexible: true },
    ],
    targets,
  );
}

function printHere(output: Output, here: SandboxProbe): void {
  heading(output, "Here and now");
  const rows: [string, string | undefined][] = [["engine", here.engine]];
  if (here.available) {
    printRecord(output, [
      ...rows,
      ["", [green("✓ "), showSandbox(here.applied)]],
      ["image", here.applied.image],
      ["user", here.applied.user],
      ["opened in", `${here.ms} ms`],
    ]);
  } else {
    printRecord(output, [...rows, ["", [red("✗ "), here.message]]]);
    for (const next of here.suggestions) output.line(["  ", cyan(next)]);
  }
}

function askedText(asked: SandboxOptions | undefined, key: keyof typeof titles): string {
  const value = asked?.[key];
  return value === undefined ? "–" : `${shown(value)}${units[key]}`;
}

function shown(value: string | number | readonly string[]): string {
  return typeof value === "object" ? showNetwork(value) : String(value);
}
