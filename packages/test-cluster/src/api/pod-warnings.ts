/** What the server says of a pod, or of the template of one, without refusing it. */
import { at, isObject, listAt, textAt } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";
import type { Write } from "./change.ts";
import { podTemplates } from "./pod-security.ts";

const outdated = "seccomp.security.alpha.kubernetes.io/pod";

export function warnOfPod(write: Write, object: JsonObject): void {
  const path = write.resource.id === "pods" ? [] : podTemplates[write.resource.id];
  const pod = path === undefined ? undefined : at(object, ...path);
  if (path === undefined || !isObject(pod)) return;
  const place = path.map((one) => `${one}.`).join("");
  if (textAt(pod, "metadata", "annotations", outdated) !== undefined) {
    const why = 'non-functional in v1.27+; use the "seccompProfile" field instead';
    write.warn(`${place}metadata.annotations[${outdated}]: ${why}`);
  }
  for (const list of ["initContainers", "containers"]) {
    for (const [index, one] of listAt(pod, "spec", list).entries()) {
      for (const told of hidden(one)) write.warn(`${place}spec.${list}[${index}].${told}`);
    }
  }
}

function hidden(container: Json): readonly string[] {
  const names = listAt(container, "env").map((one) => textAt(one, "name") ?? "");
  return names.flatMap((name, index) => {
    if (names.indexOf(name) === index) return [];
    const why = `hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`;
    return [`env[${index}]: ${why}`];
  });
}
