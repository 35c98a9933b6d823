import type { Check } from "./check.ts";

export function nodeCheck(): Check {
  const { versions, platform, arch, execPath } = process;
  const fact = `Node ${versions.node} on ${platform}-${arch} (${execPath})`;
  const [major = 0] = versions.node.split(".").map(Number);
  // This line would not be reached with an older one: the command itself refuses it.
  return major === 24
    ? { name: "node", state: "good", fact }
    : { name: "node", state: "note", fact: `${fact}; tested with Node 24` };
}
