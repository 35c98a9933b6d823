/** What agentflow.yaml says of the target whose engine and limits the workers of `af dev` use. */
import { AgentFlowError, type DockerTarget } from "@agentflow/protocol";
import { parseTargets } from "./parse-targets.ts";
import { readOne } from "../../project/read-project.ts";

export interface DevTarget {
  readonly name: string | undefined;
  readonly target: Partial<DockerTarget>;
  /** Of the project. */
  readonly project: string;
}

/** Refuses a target that is not there or is no docker target, with those that are. */
export async function devTarget(projectDir: string, name: string | undefined): Promise<DevTarget> {
  const yaml = await readOne(projectDir, "agentflow.yaml");
  const { project, targets } = parseTargets(yaml?.value);
  if (name === undefined) return { name, target: {}, project };
  const target = targets[name];
  if (target?.kind === "docker") return { name, target, project };
  const docker = Object.keys(targets).filter((one) => targets[one]?.kind === "docker");
  const why = target === undefined ? "has no target" : "has a target of another kind under the name";
  throw new AgentFlowError("invalid_input", `agentflow.yaml ${why} ${JSON.stringify(name)}`, {
    reason: target === undefined ? "unknown_target" : "no_docker_target",
    details: { target: name, docker },
    suggestions: [
      docker.length === 0 ? "leave --target out" : `its docker targets: ${docker.join(", ")}`,
      "af config view",
    ],
  });
}
