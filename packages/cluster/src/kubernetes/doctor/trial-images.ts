/** The images of the target, and one of them with Node in it. */
import { kubernetesLabels } from "../labels.ts";
import type { Look } from "./target.ts";

export interface TrialImages {
  /** With Node: it runs the trial. */
  readonly image: string;
  /** Only to be had. */
  readonly others: readonly string[];
}

/** Of what is deployed, else what images are built on. */
export async function trialImages({ cluster, target }: Look): Promise<TrialImages> {
  const { namespace, images, nats } = target.settings;
  const { items } = await cluster.ask("looking at what is deployed", ({ apps }) =>
    apps.listNamespacedDeployment({
      namespace,
      labelSelector: `${kubernetesLabels.instance}=${target.release}`,
    }),
  );
  const deployed = items.flatMap(
    ({ spec }) => spec?.template.spec?.containers.map(({ image = "" }) => image) ?? [],
  );
  const all = [
    ...new Set([...deployed.filter((one) => one !== ""), ...(nats.url === undefined ? [images.nats] : [])]),
  ];
  const [image = images.base] = deployed;
  return { image, others: all.filter((one) => one !== image) };
}
