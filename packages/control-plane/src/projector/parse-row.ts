/** JSON columns of the read model: written by this package, thrown away with every change of their form. */
import type { Failure, Shown } from "@agentflow/protocol";

export function parseLabels(text: string): { readonly [key: string]: string } {
  return JSON.parse(text) as { readonly [key: string]: string };
}

export function parseFailure(text: string): Failure {
  return JSON.parse(text) as Failure;
}

export function parseShown(text: string): Shown {
  return JSON.parse(text) as Shown;
}
