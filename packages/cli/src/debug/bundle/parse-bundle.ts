/** The door for bundles: a file that anybody may have made becomes a recording, or is refused. */
import {
  type JournalView,
  type Plan,
  type RunEventView,
  type RunView,
  type WhyAnswer,
  isId,
  isTelemetryRecord,
  isTooDeep,
} from "@agentflow/protocol";
import { apiSchemas, journalRecordSchema, planSchema, runEventSchema } from "@agentflow/protocol/schema";
import { gunzipSync } from "node:zlib";
import type { Recording } from "../recording.ts";
import { type BundleManifest, bundleBytesMax, bundleFiles, bundleNames } from "./format.ts";
import { damaged, readTar } from "./tar.ts";

/** What checks a value: a schema, or several in a row. */
interface Check {
  safeParse(value: unknown): {
    readonly success: boolean;
    readonly error?: {
      readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
    };
  };
}

const anything: Check = { safeParse: () => ({ success: true }) };

export interface OpenedBundle extends Recording {
  readonly manifest: BundleManifest;
}

export function parseBundle(bytes: Uint8Array, from: string): OpenedBundle {
  const files = readTar(unzipped(bytes), bundleNames);
  const text = (name: string): string | undefined => {
    const found = files.get(name);
    return found === undefined ? undefined : Buffer.from(found).toString("utf8");
  };
  const one = (name: string, schema: Check): unknown => {
    const found = text(name);
    return found === undefined ? undefined : checked(found, schema, name);
  };
  const many = (name: string, schema: Check): unknown[] =>
    (text(name) ?? "")
      .split("\n")
      .flatMap((line, i) => (line === "" ? [] : [checked(line, schema, `${name} line ${i + 1}`)]));
  const manifest = one(bundleFiles.manifest, anything) as BundleManifest | undefined;
  if (manifest?.kind !== "afdebug" || typeof manifest.content !== "boolean")
    throw damaged("it has no manifest");
  if (manifest.v !== 1) throw damaged("a newer af made it: update this one");
  const run = one(bundleFiles.run, apiSchemas.runView) as RunView | undefined;
  if (run === undefined) throw damaged("it holds no run");
  const plan = one(bundleFiles.plan, planSchema) as Plan | undefined;
  const why = one(bundleFiles.why, apiSchemas.whyAnswer) as WhyAnswer | undefined;
  return {
    manifest,
    run,
    events: many(
      bundleFiles.events,
      within(apiSchemas.runEventView, "event", runEventSchema),
    ) as RunEventView[],
    journals: many(bundleFiles.journals, within(placed, "record", journalRecordSchema)) as JournalView[],
    telemetry: many(bundleFiles.telemetry, anything).filter(isTelemetryRecord),
    from,
    ...(plan === undefined ? {} : { plan }),
    ...(why === undefined ? {} : { why }),
  };
}

function unzipped(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: bundleBytesMax });
  } catch (error) {
    const isTooBig = error instanceof RangeError;
    throw damaged(isTooBig ? `it is over ${bundleBytesMax} bytes unpacked` : "it is no gzip file", error);
  }
}

function checked(text: string, schema: Check, where: string): unknown {
  if (isTooDeep(text)) throw damaged(`${where} nests too deeply`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(`${where} is no JSON`, error);
  }
  const { success, error } = schema.safeParse(value);
  if (success) return value;
  const [issue] = error?.issues ?? [];
  throw damaged(`${where}: /${issue?.path.join("/") ?? ""} ${issue?.message ?? "is not what it should be"}`);
}

/** A record of a journal stands where one of its run's events would. */
const placed: Check = {
  safeParse(value) {
    const given = typeof value === "object" && value !== null ? value : {};
    const event = { kind: "journal", at: "2026-01-01T00:00:00.000Z" };
    const isStep = "step" in given && typeof given.step === "string" && isId("step instance", given.step);
    if (!isStep) return { success: false };
    return apiSchemas.runEventView.safeParse({ ...given, n: 0, event });
  },
};

/** The outer check, then the inner one on what stands under the key. */
function within(outer: Check, key: string, inner: Check): Check {
  return {
    safeParse(value) {
      const whole = outer.safeParse(value);
      return whole.success ? inner.safeParse(Reflect.get(Object(value), key)) : whole;
    },
  };
}
