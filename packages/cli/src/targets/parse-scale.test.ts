import { expect, test } from "vitest";
import { parseScaleFile } from "./parse-scale.ts";

const good = { "worker-default": { copies: 3, instead: 1 } };

test.each<[string, unknown, object]>([
  ["what was kept", { v: 1, targets: { docker: good } }, { docker: good }],
  ["nothing of no JSON", undefined, {}],
  ["nothing of no object", null, {}],
  ["nothing of no targets", { targets: "docker" }, {}],
  ["no target that is none", { targets: { docker: null, staging: good } }, { docker: {}, staging: good }],
  ["no part without numbers", { targets: { docker: { ...good, nats: null } } }, { docker: good }],
  [
    "no number that nobody could have typed",
    { targets: { docker: { a: { copies: 1e9, instead: 1 }, b: { copies: -1, instead: 1 }, ...good } } },
    { docker: good },
  ],
])("of a file of scales there is read %s", (_name, value, read) => {
  expect(parseScaleFile(value === undefined ? "{" : JSON.stringify(value))).toEqual(read);
});
