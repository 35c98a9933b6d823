/** What comes over the bus as a wish to register, checked where it enters. */
import {
  AgentFlowError,
  type BuildId,
  isId,
  registerLimits,
  type RegisterRequest,
  type TenantId,
} from "@agentflow/protocol";

type Fields = { readonly [key: string]: unknown };

/**
 * The request of a body. Another kind is `invalid_input`, a higher version `unavailable`; one that speaks of
 * another tenant than the subject it came on is `forbidden`.
 */
export function parseRegisterRequest(body: string, tenant: TenantId): RegisterRequest {
  if (body.length > registerLimits.requestCharsMax) throw tooBig(body.length);
  const request = parseObject(body);
  if (typeof request["v"] === "number" && request["v"] > 1) throw newer(request["v"]);
  if (request["v"] !== 1) throw invalid("no version that ever was");
  const claimed = request["tenant"];
  if (claimed !== undefined && claimed !== tenant) throw foreign(tenant);
  switch (request["kind"]) {
    case "register":
      return parseOne(request);
    case "remove_gone":
      return {
        v: 1,
        kind: "remove_gone",
        workflows: names(request["workflows"], "workflows"),
        unreadable: names(request["unreadable"], "unreadable"),
      };
    case "workers":
      return { v: 1, kind: "workers" };
    default:
      throw invalid("another kind of request");
  }
}

function parseOne(request: Fields): RegisterRequest {
  const { definition, build, strict, project } = request;
  if (!isObject(definition)) throw invalid("no definition");
  if (!isId("workflow", definition["name"])) throw invalid("a workflow's name that is none");
  if (build !== undefined && !isId("build", build)) {
    throw invalid("a build that is none (12 lower-case hex digits, or dev)");
  }
  if (strict !== undefined && typeof strict !== "boolean") throw invalid("a malformed strict");
  return {
    v: 1,
    kind: "register",
    // The plan validator names every fault of a definition with its place.
    definition: definition as never,
    ...(build === undefined ? {} : { build: build satisfies BuildId }),
    ...(strict === undefined ? {} : { strict }),
    ...(project === undefined ? {} : { project: parseProject(project) }),
  };
}

function parseProject(project: unknown): { readonly file?: string } {
  if (!isObject(project)) throw invalid("a malformed project");
  const { file } = project;
  if (file === undefined) return {};
  if (typeof file !== "string" || file.length === 0 || file.length > fileCharsMax) {
    throw invalid("a file's name that is none");
  }
  return { file };
}

const fileCharsMax = 500;

function names(value: unknown, what: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  const known = list.filter((one) => typeof one === "string" && one.length <= fileCharsMax);
  if (known.length === list.length && list.length <= registerLimits.namesMax) return known.map(String);
  throw invalid(`${what} that are no list of at most ${registerLimits.namesMax} names`);
}

function parseObject(body: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new AgentFlowError("invalid_input", "the body is no JSON", { reason: "invalid_json", cause });
  }
  if (isObject(value)) return value;
  throw invalid("a body that is no object");
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(what: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `a register request with ${what}`, {
    reason: "invalid_register_request",
  });
}

function newer(version: number): AgentFlowError {
  const message = `a register request of version ${version}; this release knows 1`;
  return new AgentFlowError("unavailable", message, {
    reason: "newer_version",
    details: { found: version, known: 1 },
    suggestions: ["upgrade the control plane: it comes before what registers"],
  });
}

function tooBig(chars: number): AgentFlowError {
  const { requestCharsMax } = registerLimits;
  return new AgentFlowError("limit_exceeded", `a register request of ${chars} characters`, {
    reason: "request_too_big",
    details: { chars, charsMax: requestCharsMax },
  });
}

function foreign(tenant: TenantId): AgentFlowError {
  const message = `what comes on the subject of ${tenant} may speak of no other tenant`;
  return new AgentFlowError("forbidden", message, { reason: "tenant_mismatch" });
}
