/** Where spans are exported to: as the settings say, else as the variables of OpenTelemetry do. */
import { AgentFlowError, type SecretName, isId } from "@agentflow/protocol";

export interface OtlpTarget {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
}

export interface OtlpSettings {
  readonly endpoint?: string | undefined;
  readonly headers: { readonly [name: string]: string };
}

export interface OtlpSources {
  readonly settings: OtlpSettings;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly secret: (name: SecretName) => string | undefined;
}

/** Undefined when nobody asked for it. Refuses what cannot be meant, before anything is sent. */
export function otlpTarget(sources: OtlpSources): OtlpTarget | undefined {
  const { settings, environment } = sources;
  if (settings.endpoint !== undefined) {
    const headers = resolved(settings.headers, sources);
    return checked({ url: tracesUrl(settings.endpoint), headers }, "telemetry.otlp.endpoint");
  }
  const told = (name: string): string | undefined => environment[name]?.trim() || undefined;
  // gRPC is another protocol on another port: what is set up for that is not for us.
  const isOff =
    told("OTEL_SDK_DISABLED")?.toLowerCase() === "true" ||
    told("OTEL_TRACES_EXPORTER") === "none" ||
    (told("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? told("OTEL_EXPORTER_OTLP_PROTOCOL")) === "grpc";
  if (isOff) return undefined;
  const traces = told("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const base = told("OTEL_EXPORTER_OTLP_ENDPOINT");
  const url = traces ?? (base === undefined ? undefined : tracesUrl(base));
  if (url === undefined) return undefined;
  const headers = pairs(
    told("OTEL_EXPORTER_OTLP_TRACES_HEADERS") ?? told("OTEL_EXPORTER_OTLP_HEADERS") ?? "",
  );
  return checked(
    { url, headers },
    traces === undefined ? "OTEL_EXPORTER_OTLP_ENDPOINT" : "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  );
}

function tracesUrl(endpoint: string): string {
  return /\/v1\/traces\/?$/.test(endpoint) ? endpoint : `${endpoint.replace(/\/+$/, "")}/v1/traces`;
}

/** `key=value,key2=value2`, values as a URL writes them. */
function pairs(text: string): { [name: string]: string } {
  const found = text.split(",").flatMap((pair): [string, string][] => {
    const at = pair.indexOf("=");
    return at < 1 ? [] : [[pair.slice(0, at).trim().toLowerCase(), decoded(pair.slice(at + 1).trim())]];
  });
  return Object.fromEntries(found);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

const reference = /secret:\/\/([a-z0-9][a-z0-9_-]{0,62})/;

/** `secret://name`, also within a value: `Bearer secret://otlp-key`. */
function resolved(headers: OtlpSettings["headers"], { secret }: OtlpSources): { [name: string]: string } {
  const pairsOf = Object.entries(headers).map(([header, text]): [string, string] => {
    const [whole, name] = reference.exec(text) ?? [];
    if (whole === undefined || !isId("secret", name)) return [header.toLowerCase(), text];
    const value = secret(name);
    if (value === undefined) throw noSecret(header, name);
    return [header.toLowerCase(), text.replace(whole, () => value)];
  });
  return Object.fromEntries(pairsOf);
}

function checked(target: OtlpTarget, where: string): OtlpTarget {
  const url = URL.canParse(target.url) ? new URL(target.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new AgentFlowError("invalid_input", `${where} is no address: ${target.url}`, {
      reason: "invalid_endpoint",
      suggestions: ["like http://127.0.0.1:4318"],
    });
  }
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === "https:" || isHere || Object.keys(target.headers).length === 0) return target;
  throw new AgentFlowError("invalid_input", `${where}: headers would travel in the clear to ${url.host}`, {
    reason: "plain_http",
    suggestions: ["use https://", "leave the headers out"],
  });
}

function noSecret(header: string, name: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `telemetry.otlp.headers.${header}: there is no secret ${name}`, {
    reason: "secret_not_set",
    suggestions: [`af secrets set ${name}`],
  });
}
