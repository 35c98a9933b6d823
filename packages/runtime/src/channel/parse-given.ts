import type { Given } from "./given.ts";

export function parseGiven(text: string): Given {
  const { secrets, variables } = JSON.parse(text) as Partial<Given>;
  return { secrets: secrets ?? {}, variables: variables ?? {} };
}
