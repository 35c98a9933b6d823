/** An installation as a compose file: the same containers, volumes and names that `af up` makes. */
import { secretVariable, parseId } from "@agentflow/protocol";
import { Alias, Document, isScalar, Pair, Scalar, visit, YAMLMap, type YAMLSeq } from "yaml";
import type { Installation, Part } from "../model/installation.ts";
import { copyName, labels, stackName, volumeName } from "../model/names.ts";
import { allVolumes, isCopyOfData } from "../model/volumes.ts";
import { commonKeys, serviceOf, type Service } from "./service.ts";
import { secretsService, takesSecrets } from "./secrets.ts";

export interface ComposeOptions {
  /** Comment at the top, line by line. */
  readonly head?: readonly string[];
  /** How an image is built, by its reference; one that is not named has to be there. */
  readonly build?: Readonly<Record<string, BuildSection>>;
  /** Files that builds may read and images never hold, by the name that a build section asks for. */
  readonly buildSecrets?: Readonly<Record<string, { readonly file: string }>>;
}

export interface BuildSection {
  readonly context: string;
  readonly dockerfile: string;
  readonly target?: string;
  readonly args?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
}

/** The text of the file, the same each time. It holds no secret: values come from variables of its reader. */
export function composeOf(installation: Installation, options: ComposeOptions = {}): string {
  const document = new Document(
    {
      name: stackName(installation),
      "x-container": commonKeys,
      services: {},
      networks: { default: { name: stackName(installation), labels: ownLabels(installation) } },
      volumes: volumesOf(installation),
      ...secretsSection(installation, options),
    },
    // Readers of 1.1 would take `no` for false and `1000:1000` for a time: there they are quoted.
    { aliasDuplicateObjects: false, version: "1.1" },
  );
  document.commentBefore = (options.head ?? []).map((line) => ` ${line}`).join("\n");
  const common = document.get("x-container", true);
  const services = document.get("services", true);
  if (!(common instanceof YAMLMap) || !(services instanceof YAMLMap)) return "";
  common.anchor = "container";
  for (const [name, service] of servicesOf(installation, options)) {
    const node = document.createNode(service);
    node.items.unshift(new Pair(new Scalar("<<"), new Alias("container")));
    const key = new Scalar(name);
    key.spaceBefore = services.items.length > 0;
    services.add(new Pair(key, node));
  }
  visit(document, { Seq: onOneLine });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

const columnsMax = 90;

/** Words of a command and the like stand side by side, as far as a line is wide. */
function onOneLine(_: unknown, list: YAMLSeq): void {
  const width = list.items.reduce<number>((sum, item) => sum + String(item).length + 2, 0);
  list.flow = width <= columnsMax && list.items.every((item) => isScalar(item));
}

function servicesOf(installation: Installation, { build = {} }: ComposeOptions): [string, Service][] {
  const secrets = takesSecrets(installation) ? secretsService(installation) : undefined;
  const parts = installation.parts.flatMap((part) =>
    copiesOf(part).map((copy): [string, Service] => [
      copyName(part.name, copy),
      serviceOf(installation, part, copy),
    ]),
  );
  const built = new Set<string>();
  const all: [string, Service][] = secrets === undefined ? parts : [["secrets-1", secrets], ...parts];
  // The first that uses an image builds it: the others find it.
  return all.map(([name, service]) => {
    const section = Object.hasOwn(build, service.image) ? build[service.image] : undefined;
    if (section === undefined || built.has(service.image)) return [name, service];
    built.add(service.image);
    const { image, ...rest } = service;
    return [name, { image, build: section, ...rest }];
  });
}

function copiesOf({ replicas }: Part): number[] {
  return Array.from({ length: replicas }, (_, n) => n + 1);
}

function ownLabels({ project, target, version }: Installation): Record<string, string> {
  return { [labels.project]: project, [labels.target]: target, [labels.version]: version };
}

function volumesOf(installation: Installation): Record<string, unknown> {
  const volume = (name: string, holds: string, more: Record<string, string> = {}): [string, unknown] => [
    name,
    {
      name: volumeName(installation, name),
      labels: { ...ownLabels(installation), [labels.holds]: holds, ...more },
    },
  ];
  const all = allVolumes(installation);
  const copies = { [labels.copies]: String(all.filter(isCopyOfData).length) };
  return Object.fromEntries([
    ...all.map((one) => volume(one.name, one.holds, isCopyOfData(one) ? copies : {})),
    ...(takesSecrets(installation) ? [volume("secrets", "secrets")] : []),
  ]);
}

function secretsSection(
  installation: Installation,
  { buildSecrets = {} }: ComposeOptions,
): Record<string, unknown> {
  const own = takesSecrets(installation) ? installation.secrets : [];
  const entries = own.map(
    (name) => [name, { environment: secretVariable(parseId("secret", name)) }] as const,
  );
  const secrets = { ...Object.fromEntries(entries), ...buildSecrets };
  return Object.keys(secrets).length === 0 ? {} : { secrets };
}
