/**
 * Bodies whose whole check lies elsewhere: the plan validator names every fault of a definition with its
 * place.
 */
import { AgentFlowError, type LogLevel, logSources, type RegisterBody } from "@agentflow/protocol";
import type { TelemetryFilter } from "../../engine.ts";

export function parseDefinition(body: {
  definition: { readonly [key: string]: unknown };
  strict?: boolean;
}): RegisterBody {
  return body as unknown as RegisterBody;
}

export interface TelemetryAsked {
  readonly kind?: "log" | "span";
  readonly run?: string;
  readonly source?: string;
  readonly level?: LogLevel;
  readonly since?: string;
  readonly until?: string;
  readonly grep?: string;
  readonly match?: string;
  readonly exclude?: string;
  readonly agent?: string;
  readonly tool?: string;
  readonly previous?: "true" | "false";
  readonly after?: string;
  readonly limit?: number;
  readonly newest?: "true" | "false";
}

/** `source` is a list with commas; an unknown one is refused, not passed over. */
export function parseSources(asked: TelemetryAsked): TelemetryFilter {
  const { source, newest, previous, ...rest } = asked;
  const wanted = source?.split(",").map((word) => {
    const known = logSources.find((name) => name === word);
    if (known !== undefined) return known;
    throw new AgentFlowError("invalid_input", `${JSON.stringify(word)} is not a source`, {
      suggestions: [`one of ${logSources.join(", ")}`],
    });
  });
  return {
    ...rest,
    ...(wanted === undefined ? {} : { source: wanted }),
    ...(newest === "true" ? { newest: true } : {}),
    ...(previous === "true" ? { previous: true } : {}),
  };
}
