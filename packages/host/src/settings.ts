/** The settings that every server process has; a process spreads them into its own schema. */
import { logLevels } from "@agentflow/protocol";
import { z } from "zod";

export { type BusSettings, busOwnerSettings, busSettings } from "./bus-settings.ts";

const level = z.enum(logLevels);

export const hostSettings = {
  log: z.object({
    level: level.default("info").describe("least level that is written").meta({ reload: true }),
    levels: z.record(z.string(), level).default({}).describe("level by component").meta({ reload: true }),
    format: z.enum(["json", "text"]).default("json"),
  }),
  flags: z
    .record(z.string(), z.union([z.boolean(), z.number().min(0).max(100)]))
    .default({})
    .describe("feature flags: on, off, or the percentage of keys for which it is on")
    .meta({ reload: true }),
  stopMs: z.number().int().min(0).max(600_000).default(10_000).describe("time for a graceful stop"),
};

export type WholeSetting = z.ZodDefault<z.ZodNumber>;

export interface WholeOptions {
  readonly about?: string;
  /** 1 and a safe integer when left out. */
  readonly min?: number;
  readonly max?: number;
  /** A change is taken over while running. */
  readonly reload?: boolean;
}

/** A setting that is a whole number, with its default and its bounds. */
export function whole(byDefault: number, options: WholeOptions = {}): WholeSetting {
  const { about = "", min = 1, max = Number.MAX_SAFE_INTEGER, reload = false } = options;
  const number = z.number().int().min(min).max(max).default(byDefault).describe(about);
  return reload ? number.meta({ description: about, reload: true }) : number;
}

/** A setting that may be a part of one, such as cores. */
export function numberOr(
  byDefault: number,
  { about, min }: { readonly about: string; readonly min: number },
): z.ZodDefault<z.ZodNumber> {
  return z.number().min(min).default(byDefault).describe(about);
}

/** A section of bounds, each with the default that stands in the code. */
export function wholes(
  defaults: { readonly [key: string]: number },
  options: WholeOptions = {},
): z.ZodObject<{ [key: string]: WholeSetting }> {
  const settings = Object.entries(defaults).map(
    ([key, value]) => [key, whole(value, { ...options, min: Math.min(options.min ?? 1, value) })] as const,
  );
  return z.object(Object.fromEntries(settings));
}

/** A setting that is off unless somebody turns it on. */
export function onOff(about: string): z.ZodDefault<z.ZodBoolean> {
  return z.boolean().default(false).describe(about);
}

/** A setting that is a short text; without a default it may be left out. */
export function text(about: string): z.ZodOptional<z.ZodString> {
  return z.string().min(1).optional().describe(about);
}

export function textOr(byDefault: string, about: string): z.ZodDefault<z.ZodString> {
  return z.string().min(1).default(byDefault).describe(about);
}

/** A port that may be left out; 0 is any free one. */
export function port(about: string): z.ZodOptional<z.ZodNumber> {
  return z.number().int().min(0).max(65_535).optional().describe(about);
}

/** Settings together: a section, or all that one process reads. */
export function settings<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape> {
  return z.object(shape);
}
