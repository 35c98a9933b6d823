import { describe, expect, test } from "vitest";
import { admittedPod } from "../../src/change.ts";
import { isObject, textAt } from "../../src/draft.ts";
import type { JsonObject } from "../../src/object.ts";
import { asObject, parseObject, transcripts, type Exchange } from "./parse-transcript.ts";
import { placeOf, replay, steady, type Place } from "./replayed.ts";

/** Not the business of these functions: who may, what is there, what is a body. */
const serversWork = new Set([
  "04-apply/13-missing-namespace-404.json",
  "04-apply/14-missing-namespace-dryrun-404.json",
  "04-apply/52-unknown-dryrun-422.json",
  "10-lease/02-create-again-409.json",
  "13-errors/04-403-rbac-apply.json",
  "13-errors/07-403-escalation.json",
  "13-errors/10-404-namespace-create.json",
  "13-errors/12-405.json",
  "13-errors/13-405-put-collection.json",
  "13-errors/15-415.json",
  "13-errors/16-400-not-json.json",
  "13-errors/18-400-empty-body.json",
  "13-errors/22-409-already-exists.json",
  // Bodies given as notes: tables of their own try the limits.
  "13-errors/24-422-configmap-too-long.json",
  "13-errors/25-413-request-too-large.json",
  "13-errors/26-422-annotations-too-long.json",
  "14-admission/02-podsecurity-pod-403.json",
  "14-admission/08-quota-must-specify-403.json",
  "14-admission/09-quota-exceeded-403.json",
  "14-admission/10-quota-services-403.json",
  "14-admission/11-limitrange-403.json",
]);

/** Where only code, reason and the fields of the causes are the same, and why. */
const worded: Readonly<Record<string, string>> = {
  "04-apply/17-unknown-field-ignore.json":
    "a real server stops at a field in an order that changes from run to run",
  "04-apply/18-unknown-field-default.json": "the same",
  "04-apply/74-apply-pod-immutable-change-422.json": "the message ends in a diff of Go structs",
  "11-patch/11-unknown-field-strict-422.json":
    "the message quotes the object, keys in the order of Go structs",
  "15-defaults/25-job-template-immutable-422.json": "the message quotes a Go struct",
};

/** Where the object differs by what a controller did since the last recorded look at it. */
const movedOn = new Set(["11-patch/18-status-via-main.json"]);

/** What stood there, where that was made in another folder, or without being recorded. */
function before(exchange: Exchange): JsonObject | undefined {
  if (exchange.file === "15-defaults/25-job-template-immutable-422.json") {
    const finished = transcripts("05-rollout").find((one) => one.file === "05-rollout/16-jobok-job.json");
    return asObject(finished?.response.body);
  }
  if (exchange.file !== "11-patch/01-json-patch-200.json") return undefined;
  // As it was answered, without the label that the patch adds.
  const text = JSON.stringify(exchange.response.body);
  return parseObject(text.replace(',"f:x":{}', "").replace(',"x":"1"', ""));
}

/** Admission of pods comes after these functions. */
function admitted(place: Place, object: JsonObject, code: number): JsonObject {
  return place.kind.kind === "Pod" && code === 201 ? admittedPod(object, undefined, "abcde") : object;
}

for (const folder of ["04-apply", "10-lease", "11-patch", "13-errors", "14-admission", "15-defaults"]) {
  describe(`answers as recorded: ${folder}`, () => {
    const live = new Map<string, JsonObject>();
    for (const exchange of transcripts(folder)) {
      const { request, response } = exchange;
      const place = placeOf(request.path);
      if (place === undefined) continue;
      const name = place.name === "" ? textAt(response.body, "metadata", "name") : place.name;
      const key = `${place.namespace}/${place.kind.resource}/${name}`;
      const known = live.get(key);
      const there = known ?? before(exchange);
      const dry = request.query?.["dryRun"] !== undefined;
      const body = asObject(response.body);
      if (response.status < 300 && !dry && body["kind"] === place.kind.kind) live.set(key, body);
      const answer = serversWork.has(exchange.file) ? undefined : replay(exchange, there);
      if (answer === undefined) continue;
      test(exchange.file, () => {
        if (answer.ok) {
          expect(answer.code).toBe(response.status);
          if (movedOn.has(exchange.file)) return;
          expect(steady(admitted(place, answer.object, answer.code))).toEqual(steady(body));
          const warning = response.headers["warning"] ?? "";
          if (answer.warnings.length > 0)
            expect(warning).toContain(answer.warnings.map(quoted).join(", 299 - "));
          // What keeps its version is what these functions call unchanged.
          if (!dry && known !== undefined && sameVersion(known, body)) expect(answer.changed).toBe(false);
          return;
        }
        if (worded[exchange.file] === undefined) expect(answer.status).toEqual(body);
        expect(bones(answer.status)).toEqual(bones(body));
      });
    }
  });
}

function sameVersion(one: JsonObject, other: JsonObject): boolean {
  return textAt(one, "metadata", "resourceVersion") === textAt(other, "metadata", "resourceVersion");
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** What a client decides by. */
function bones(status: JsonObject) {
  const causes = asObject(status["details"])["causes"];
  const told = Array.isArray(causes) ? causes.filter(isObject) : [];
  const fields = told.map((cause) => [cause["reason"], cause["field"]]);
  return { code: status["code"], reason: status["reason"], fields };
}
