/** The page beside a chart. */
import { kubernetesLabels } from "../labels.ts";
import { type Release, releaseNames } from "../release.ts";

/** How it is used by somebody who has no `af` at hand. */
export function readmeFile({ name, project, target, namespace }: Release, head: string): string {
  const labels = `${kubernetesLabels.instance}=${name}`;
  const secrets = releaseNames.secrets(name);
  const inNamespace = `-n ${namespace}`;
  return `<!-- ${head} -->

# ${name}

${project} for its target ${target}: a control plane, workers and NATS. Kubernetes 1.30 or later,
Helm 3 or 4.

\`\`\`
helm install ${project} . ${inNamespace} --create-namespace --wait --wait-for-jobs
\`\`\`

\`values.yaml\` says what may differ; \`values.schema.json\` refuses all else. Nodes must find the
images that it names. What the project's secrets are is known to you alone; where it has any, make
them too:

\`\`\`
kubectl ${inNamespace} create secret generic ${secrets} --from-literal=NAME=VALUE
\`\`\`

## Another build

Another worker image is another build: change \`images.worker\` and \`build\` together, or take the
chart that \`af deploy ${target} --out chart=DIR\` writes then.

\`\`\`
helm upgrade ${project} . ${inNamespace} --wait --wait-for-jobs
\`\`\`

New runs take the new build. The workers of the one before stay beside them, for the runs that began
there; once those have ended:

\`\`\`
kubectl ${inNamespace} get deployments -l ${labels},${kubernetesLabels.component}=worker
kubectl ${inNamespace} delete deployments -l ${labels},${kubernetesLabels.build}=BUILD
\`\`\`

To go back, upgrade with the chart or the values of then. \`helm rollback\` cannot: it finds the
workers that were kept, which the release no longer names, and ends with an error.

## Taking it away

\`helm uninstall ${project} ${inNamespace}\` leaves the workers, the keys, and the volumes with all
runs. All of it:

\`\`\`
helm uninstall ${project} ${inNamespace} --wait
kubectl ${inNamespace} delete deployments,secrets,persistentvolumeclaims -l ${labels}
\`\`\`

A namespace in which \`af deploy\` made ${name} is refused, and \`af deploy\` leaves alone what this
chart made: one release has one owner.
`;
}
