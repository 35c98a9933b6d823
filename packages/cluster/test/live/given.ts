/** What the environment says of the cluster: nothing, or somebody's own and how images get to its nodes. */
import { resolve } from "node:path";

export type Given =
  | { readonly kind: "ours" }
  | { readonly kind: "own"; readonly kubeconfig: string; readonly carrier: Carrier };

/** `imageLoad` or `registry` of a target. */
export type Carrier = { readonly imageLoad: string } | { readonly registry: string };

export function readGiven(environment: Readonly<Record<string, string | undefined>>): Given {
  const told = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const named = told("AF_TEST_KUBECONFIG");
  if (named === undefined) return { kind: "ours" };
  const kubeconfig = resolve(named);
  const [imageLoad, registry] = [told("AF_TEST_IMAGE_LOAD"), told("AF_TEST_REGISTRY")];
  if (imageLoad !== undefined) return { kind: "own", kubeconfig, carrier: { imageLoad } };
  if (registry !== undefined) return { kind: "own", kubeconfig, carrier: { registry } };
  throw new Error(
    "AF_TEST_KUBECONFIG names a cluster, and nothing says how images get to its nodes: give " +
      "AF_TEST_IMAGE_LOAD='command {image}', or AF_TEST_REGISTRY=host/path to which the engine may push",
  );
}
