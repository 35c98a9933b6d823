/** Who may speak to whom, and the ways in from outside. */
import { BlockList, isIP, isIPv6 } from "node:net";
import { at, isObject, listAt, objectAt, textAt } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { forbidden, invalidValue, oneOf, portNumber, portOrName, required, type Faults } from "./faults.ts";
import { labelSelectorFaults } from "./label-selector.ts";
import { subdomain } from "./names.ts";
import type { Check } from "./workloads.ts";

export const networkPolicy: Check = (object) => {
  const faults = labelSelectorFaults("spec.podSelector", at(object, "spec", "podSelector"));
  for (const [index, type] of listAt(object, "spec", "policyTypes").entries()) {
    faults.push(...oneOf(`spec.policyTypes[${index}]`, type, ["Egress", "Ingress"]));
  }
  for (const way of ["ingress", "egress"]) {
    for (const [index, rule] of listAt(object, "spec", way).entries()) {
      for (const [place, port] of listAt(rule, "ports").entries()) {
        const here = `spec.${way}[${index}].ports[${place}]`;
        faults.push(...oneOf(`${here}.protocol`, at(port, "protocol"), ["TCP", "UDP", "SCTP"]));
        if (at(port, "port") !== undefined) faults.push(...portOrName(`${here}.port`, at(port, "port")));
      }
      const peers = way === "ingress" ? "from" : "to";
      for (const [place, peer] of listAt(rule, peers).entries()) {
        const here = `spec.${way}[${index}].${peers}[${place}]`;
        const empty = !isObject(peer) || Object.keys(peer).length === 0;
        if (empty) faults.push(required(here, "must specify a peer"));
        else if (at(peer, "ipBlock") !== undefined && Object.keys(peer).length > 1) {
          faults.push(forbidden(here, "may not specify both ipBlock and another peer"));
        }
        for (const key of ["podSelector", "namespaceSelector"]) {
          faults.push(...labelSelectorFaults(`${here}.${key}`, at(peer, key)));
        }
        if (at(peer, "ipBlock") !== undefined) {
          faults.push(...blockFaults(`${here}.ipBlock`, objectAt(peer, "ipBlock")));
        }
      }
    }
  }
  return faults;
};

function blockFaults(field: string, block: JsonObject): Faults {
  const cidr = textAt(block, "cidr");
  if (cidr === "") return [required(`${field}.cidr`)];
  const why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
  const whole = subnetOf(cidr);
  if (whole === undefined) return [invalidValue(`${field}.cidr`, cidr, why)];
  return listAt(block, "except").flatMap((one, index) => {
    const here = `${field}.except[${index}]`;
    const part = typeof one === "string" ? subnetOf(one) : undefined;
    if (part === undefined) return [invalidValue(here, one, why)];
    if (part.prefix > whole.prefix && whole.block.check(part.address, part.family)) return [];
    return [invalidValue(here, one, "must be a strict subset of `cidr`")];
  });
}

function subnetOf(cidr: string) {
  const [address = "", length = ""] = cidr.split("/");
  const family = isIPv6(address) ? ("ipv6" as const) : ("ipv4" as const);
  const most = family === "ipv6" ? 128 : 32;
  const prefix = Number(length);
  if (isIP(address) === 0 || !/^\d+$/.test(length) || prefix > most) return undefined;
  const block = new BlockList();
  block.addSubnet(address, prefix, family);
  return { address, prefix, family, block };
}

export const ingress: Check = (object) => {
  const rules = listAt(object, "spec", "rules");
  const faults: Faults = [];
  if (rules.length === 0 && at(object, "spec", "defaultBackend") === undefined) {
    faults.push(
      invalidValue("spec", objectAt(object, "spec"), "either `defaultBackend` or `rules` must be specified"),
    );
  }
  const named = textAt(object, "spec", "ingressClassName");
  if (named !== "") faults.push(...subdomain("spec.ingressClassName", named));
  for (const [index, tls] of listAt(object, "spec", "tls").entries()) {
    for (const [place, host] of listAt(tls, "hosts").entries()) {
      const text = typeof host === "string" ? host.replace(/^\*\./, "") : "";
      faults.push(...subdomain(`spec.tls[${index}].hosts[${place}]`, text));
    }
  }
  for (const [index, rule] of rules.entries()) {
    const host = textAt(rule, "host");
    if (isIP(host) > 0) {
      faults.push(invalidValue(`spec.rules[${index}].host`, host, "must be a DNS name, not an IP address"));
    }
    if (host !== "") faults.push(...subdomain(`spec.rules[${index}].host`, host.replace(/^\*\./, "")));
    const paths = listAt(rule, "http", "paths");
    if (at(rule, "http") !== undefined && paths.length === 0) {
      faults.push(required(`spec.rules[${index}].http.paths`));
    }
    for (const [place, one] of paths.entries()) {
      faults.push(...pathFaults(`spec.rules[${index}].http.paths[${place}]`, one));
    }
  }
  return faults;
};

const inPath = ["//", "/./", "/../", "%2f", "%2F"];

function pathFaults(here: string, one: Json): Faults {
  const faults: Faults = [];
  const type = at(one, "pathType");
  if (type === undefined) faults.push(required(`${here}.pathType`, "pathType must be specified"));
  else faults.push(...oneOf(`${here}.pathType`, type, ["Exact", "ImplementationSpecific", "Prefix"]));
  if (type !== "ImplementationSpecific" && !textAt(one, "path").startsWith("/")) {
    faults.push(invalidValue(`${here}.path`, textAt(one, "path"), "must be an absolute path"));
  }
  const path = textAt(one, "path");
  const odd = inPath.find((part) => path.includes(part));
  if (type !== "ImplementationSpecific" && odd !== undefined) {
    faults.push(invalidValue(`${here}.path`, path, `must not contain '${odd}'`));
  }
  if (at(one, "backend", "resource") !== undefined) return faults;
  if (textAt(one, "backend", "service", "name") === "") {
    faults.push(required(`${here}.backend.service.name`));
  }
  const port = objectAt(one, "backend", "service", "port");
  if (port["name"] === undefined && port["number"] === undefined) {
    faults.push(required(`${here}.backend.service.port`, "port name or number is required"));
  }
  if (port["name"] !== undefined)
    faults.push(...portOrName(`${here}.backend.service.port.name`, port["name"]));
  else if (port["number"] !== undefined) {
    faults.push(...portNumber(`${here}.backend.service.port.number`, port["number"]));
  }
  return faults;
}
