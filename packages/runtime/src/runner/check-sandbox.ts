/** What a tool asks of its sandbox, looked at when it is loaded: what is no limit must not become none. */
import { nearest, sandboxBounds, sandboxHostPattern } from "@agentflow/protocol";

interface Fault {
  readonly message: string;
  readonly hint: string;
}

const keys = ["profile", "network", "memoryMb", "cpus", "pids", "tmpMb"];
const hostsMax = 50;

export function sandboxFault(asked: unknown): Fault | undefined {
  if (typeof asked !== "object" || asked === null || Array.isArray(asked)) {
    return {
      message: "sandbox is not an object",
      hint: "write untrusted: true, or sandbox: { memoryMb: 512 }",
    };
  }
  const given = new Map<string, unknown>(Object.entries(asked));
  const unknown = [...given.keys()].find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    const near = nearest(unknown, keys);
    const hint = near === undefined ? `it takes ${keys.join(", ")}` : `did you mean ${near}?`;
    return { message: `sandbox.${unknown} is not known`, hint };
  }
  const profile = given.get("profile") ?? "docker";
  if (profile !== "docker") {
    return {
      message: `sandbox.profile ${JSON.stringify(profile)} is not known`,
      hint: 'write profile: "docker"',
    };
  }
  return networkFault(given.get("network")) ?? limitFault(given);
}

function networkFault(network: unknown): Fault | undefined {
  if (network === undefined || network === "none") return undefined;
  const hint = 'write network: "none", or hosts with their ports: ["api.example.com:443"]';
  if (!Array.isArray(network) || network.length > hostsMax) {
    return { message: `sandbox.network is neither "none" nor a list of at most ${hostsMax} hosts`, hint };
  }
  const wrong: unknown = network.find((host) => typeof host !== "string" || !sandboxHostPattern.test(host));
  if (wrong === undefined) return undefined;
  return { message: `sandbox.network: ${JSON.stringify(wrong)} is not host:port`, hint };
}

function limitFault(given: ReadonlyMap<string, unknown>): Fault | undefined {
  for (const [key, { min, max }] of Object.entries(sandboxBounds)) {
    const value = given.get(key);
    if (value === undefined) continue;
    const isWhole = key === "cpus" || Number.isInteger(value);
    if (typeof value === "number" && isWhole && value >= min && value <= max) continue;
    return {
      message: `sandbox.${key} ${JSON.stringify(value)} is not a number from ${min} to ${max}`,
      hint: `leave it out for the default, or write a number of at least ${min}`,
    };
  }
  return undefined;
}
