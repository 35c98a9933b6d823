/** Names, labels and annotations. */
import { objectAt, textAt } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { invalidValue, required, tooLong, type Faults } from "./faults.ts";

interface Rule {
  readonly pattern: RegExp;
  readonly bytes: number;
  readonly why: string;
}

function rule(what: string, source: string, bytes: number, examples: string): Rule {
  const why = `${what} (e.g. ${examples}, regex used for validation is '${source}')`;
  return { pattern: new RegExp(`^(?:${source})$`), bytes, why };
}

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const ends = "must start and end with an alphanumeric character";

const subdomainRule = rule(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and " +
    ends,
  `${label}(\\.${label})*`,
  253,
  "'example.com'",
);
const labelRule = rule(
  `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and ${ends}`,
  label,
  63,
  "'my-name',  or '123-abc'",
);
const serviceRule = rule(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', " +
    "start with an alphabetic character, and end with an alphanumeric character",
  "[a-z]([-a-z0-9]*[a-z0-9])?",
  63,
  "'my-name',  or 'abc-123'",
);
const partRule = rule(
  `name part must consist of alphanumeric characters, '-', '_' or '.', and ${ends}`,
  "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
  63,
  "'MyName',  or 'my.name',  or '123-abc'",
);
const valueRule = rule(
  `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and ${ends}`,
  "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
  63,
  "'MyValue',  or 'my_value',  or '12345'",
);
const configKeyRule = rule(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  "[-._a-zA-Z0-9]+",
  253,
  "'key.name',  or 'KEY_NAME',  or 'key-name'",
);

function check(field: string, value: string, { pattern, bytes, why }: Rule): Faults {
  const faults: Faults = [];
  if (value.length > bytes) faults.push(invalidValue(field, value, `must be no more than ${bytes} bytes`));
  if (!pattern.test(value)) faults.push(invalidValue(field, value, why));
  return faults;
}

export function subdomain(field: string, value: string): Faults {
  return value === "" ? [required(field)] : check(field, value, subdomainRule);
}

export function dnsLabel(field: string, value: string): Faults {
  return value === "" ? [required(field)] : check(field, value, labelRule);
}

export function serviceName(field: string, value: string): Faults {
  return value === "" ? [required(field)] : check(field, value, serviceRule);
}

export function configKey(field: string, value: string): Faults {
  const faults = check(field, value, configKeyRule);
  if (value === ".") faults.push(invalidValue(field, value, "must not be '.'"));
  if (value.startsWith("..")) faults.push(invalidValue(field, value, "must not start with '..'"));
  return faults;
}

function pathSegment(field: string, value: string): Faults {
  if (value === "" || value === "." || value === "..")
    return [invalidValue(field, value, `may not be '${value}'`)];
  const wrong = ["/", "%"].filter((letter) => value.includes(letter));
  return wrong.map((letter) => invalidValue(field, value, `may not contain '${letter}'`));
}

/** A key of a label: a name, after a prefix where it has one. */
export function qualified(field: string, key: string): Faults {
  const slash = key.indexOf("/");
  const name = key.slice(slash + 1);
  const faults: Faults = [];
  if (slash === 0) faults.push(invalidValue(field, key, "prefix part must be non-empty"));
  if (slash > 0 && !subdomainRule.pattern.test(key.slice(0, slash))) {
    faults.push(invalidValue(field, key, `prefix part ${subdomainRule.why}`));
  }
  if (name === "") faults.push(invalidValue(field, key, "name part must be non-empty"));
  else if (name.length > partRule.bytes) {
    faults.push(invalidValue(field, key, `name part must be no more than ${partRule.bytes} bytes`));
  }
  if (name !== "" && !partRule.pattern.test(name)) faults.push(invalidValue(field, key, partRule.why));
  return faults;
}

export function labels(field: string, value: JsonObject): Faults {
  return Object.keys(value)
    .sort()
    .flatMap((key) => [...qualified(field, key), ...labelValue(field, value[key])]);
}

function labelValue(field: string, value: Json | undefined): Faults {
  return typeof value === "string" ? check(field, value, valueRule) : [];
}

const annotationBytesMax = 262_144;

function annotations(field: string, value: JsonObject): Faults {
  const faults = Object.keys(value).flatMap((key) => qualified(field, key.toLowerCase()));
  const keys = Object.keys(value);
  const bytes = keys.reduce((sum, key) => sum + key.length + textAt(value, key).length, 0);
  return bytes > annotationBytesMax ? [...faults, tooLong(field, annotationBytesMax)] : faults;
}

/** By `Kind.group`; all others have the name of a subdomain. */
const namings: Readonly<Record<string, (field: string, value: string) => Faults>> = {
  Service: serviceName,
  Namespace: dnsLabel,
  "Role.rbac.authorization.k8s.io": pathSegment,
  "RoleBinding.rbac.authorization.k8s.io": pathSegment,
  "ClusterRole.rbac.authorization.k8s.io": pathSegment,
  "ClusterRoleBinding.rbac.authorization.k8s.io": pathSegment,
};

export function metadataFaults(key: string, object: JsonObject): Faults {
  return [
    ...(namings[key] ?? subdomain)("metadata.name", textAt(object, "metadata", "name")),
    ...templateMetadataFaults("metadata", objectAt(object, "metadata")),
  ];
}

/** Labels and annotations of an object, or of a template for objects. */
export function templateMetadataFaults(field: string, metadata: JsonObject): Faults {
  return [
    ...labels(`${field}.labels`, objectAt(metadata, "labels")),
    ...annotations(`${field}.annotations`, objectAt(metadata, "annotations")),
  ];
}
