/** The network of a cluster, with addresses that are given out here: a pod keeps its own when it restarts. */
import type Docker from "dockerode";

export interface ClusterNetwork {
  readonly id: string;
  readonly gateway: string;
  nextAddress(): string;
}

export async function clusterNetwork(
  engine: Docker,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<ClusterNetwork> {
  // The engine gives addresses of one's own choice only in networks whose range was chosen too: one that it
  // has chosen itself does not collide.
  const range = await freeRange(engine, name, labels);
  const network = await engine.createNetwork({
    Name: name,
    Driver: "bridge",
    Labels: labels,
    IPAM: { Driver: "default", Config: [range] },
  });
  const base = numberOf(range.Gateway);
  let last = base;
  return {
    id: network.id,
    gateway: range.Gateway,
    nextAddress() {
      last += 1;
      return textOf(last);
    },
  };
}

interface Range {
  readonly Subnet: string;
  readonly Gateway: string;
}

async function freeRange(
  engine: Docker,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<Range> {
  const tried = await engine.createNetwork({ Name: `${name}-range`, Driver: "bridge", Labels: labels });
  const { IPAM } = await tried.inspect();
  await tried.remove();
  const [config] = IPAM?.Config ?? [];
  const subnet = config?.["Subnet"];
  const gateway = config?.["Gateway"];
  if (subnet === undefined || gateway === undefined)
    throw new Error("the engine chose no range for a network");
  return { Subnet: subnet, Gateway: gateway };
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
