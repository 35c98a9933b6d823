/** The Docker engine of the bench: the one that Docker's own client would use. */
import { homedir } from "node:os";
import { text } from "node:stream/consumers";
import { type Engine, findEngine, openEngine } from "@agentflow/cluster/engine";

export type { Engine } from "@agentflow/cluster/engine";

export async function benchEngine(): Promise<Engine> {
  return openEngine(await findEngine({ environment: process.env, home: homedir() }));
}

/** What a command in a container prints. Throws when it fails. */
export async function printed(engine: Engine, container: string, command: string[]): Promise<string> {
  const exec = await engine.docker
    .getContainer(container)
    .exec({ Cmd: command, AttachStdout: true, AttachStderr: false, Tty: true });
  const said = await text(await exec.start({ Tty: true }));
  const { ExitCode } = await exec.inspect();
  if (ExitCode !== 0) throw new Error(`${command.join(" ")} in ${container}: exit ${ExitCode}: ${said}`);
  return said;
}
