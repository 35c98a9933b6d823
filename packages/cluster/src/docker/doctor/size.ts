/** What the engine's machine has against what the target may use; what the engine's disk holds. */
import type { Engine } from "../engine/open.ts";
import { copiesOf, overProcessors } from "../machine.ts";
import { bad, type EngineCheck, good, note } from "./check.ts";
import { type EngineInfo, type EngineUsage, parseInfo, parseUsage } from "./parse-info.ts";
import type { ExaminedTarget } from "./target.ts";

const mebi = 1024 ** 2;
const gibi = 1024 ** 3;
const worthPruning = 5 * gibi;

export async function sizeChecks(engine: Engine, target: ExaminedTarget): Promise<EngineCheck[]> {
  const [info, usage] = await Promise.all([
    engine.ask("asking the engine what it has", async (docker) => parseInfo(await docker.info())),
    engine.ask("asking the engine what its disk holds", async (docker) => parseUsage(await docker.df())),
  ]);
  return [
    memoryCheck(info, target),
    cpuCheck(info, target),
    ...limitChecks(info),
    diskCheck(usage, info),
    runtimeCheck(info),
  ];
}

function memoryCheck({ memory }: EngineInfo, target: ExaminedTarget): EngineCheck {
  const asked = copiesOf(target.settings).reduce(
    (sum, { count, limits }) => sum + count * limits.memoryMb * mebi,
    0,
  );
  const fact = `all parts together may use ${inGibi(asked)} of ${inGibi(memory)}`;
  if (asked <= memory) return good("memory", fact);
  const fix = `fewer copies, or lower \`limits\` of target ${target.name} in agentflow.yaml`;
  return note("memory", `${fact}: under load the kernel would end some`, fix);
}

/** The engine refuses a container that may use more processors than there are. */
function cpuCheck({ cpus }: EngineInfo, target: ExaminedTarget): EngineCheck {
  const over = overProcessors(target.settings, cpus);
  if (over !== undefined) {
    const fact = `${over.part} may use ${over.limits.cpus}, the engine's machine has ${cpus}`;
    return bad(
      "cpus",
      fact,
      `limits: {${over.part}: {cpus: ${cpus}}} of target ${target.name} in agentflow.yaml`,
    );
  }
  const asked = copiesOf(target.settings).reduce((sum, { count, limits }) => sum + count * limits.cpus, 0);
  return good("cpus", `all parts together may use ${asked} of ${cpus}; what is over is shared`);
}

function limitChecks({ enforces }: EngineInfo): EngineCheck[] {
  const missing = Object.entries(enforces).flatMap(([what, holds]) => (holds ? [] : [what]));
  if (missing.length === 0) return [];
  const fact = `the engine does not hold containers to limits of ${missing.join(", ")}`;
  return [
    note("limits", fact, "rootless engines need cgroup v2 with delegation: https://rootlesscontaine.rs"),
  ];
}

function diskCheck(usage: EngineUsage, { root }: EngineInfo): EngineCheck {
  const { images, volumes, cache, reclaimable } = usage;
  const held = `images ${inGibi(images)}, volumes ${inGibi(volumes)}, build cache ${inGibi(cache)}`;
  const fact = `${held} in ${root}`;
  const unused = `${inGibi(reclaimable)} of it unused`;
  if (reclaimable < worthPruning) return good("engine disk", `${fact}; ${unused}`);
  return note("engine disk", `${fact}; ${unused}`, "docker image prune -a; docker builder prune");
}

function runtimeCheck({ runtimes }: EngineInfo): EngineCheck {
  if (runtimes.includes("runsc")) return good("runsc", "gVisor is there for tools marked untrusted");
  const has = runtimes.length === 0 ? "the usual one" : runtimes.join(", ");
  return note(
    "runsc",
    `not there (there is: ${has}); untrusted tools share the machine's kernel`,
    "https://gvisor.dev/docs/user_guide/install",
  );
}

function inGibi(bytes: number): string {
  return bytes < gibi ? `${Math.round(bytes / mebi)} MiB` : `${(bytes / gibi).toFixed(1)} GiB`;
}
