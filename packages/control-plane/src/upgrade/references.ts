import type { Blobs } from "@agentflow/bus";
import { preparePlan } from "@agentflow/core/plan";
import { AgentFlowError, type RunId, type TenantId } from "@agentflow/protocol";
import { parsePlan } from "../orchestrator/parse-plan.ts";
import { definitionKey } from "../orchestrator/plans.ts";
import { parseDefinition } from "../registry/parse-head.ts";
import type { HistoryFinding, HistoryFindings } from "./report.ts";

interface Of {
  readonly tenant: TenantId;
  readonly run?: RunId;
  readonly step?: string;
  readonly workflow?: string;
  readonly key?: string;
}

type Fault = Pick<HistoryFinding, "code" | "message">;

/** Remembered of so many distinct ones; beyond, one may be looked at twice. */
const rememberedMax = 50_000;

/** Whether what is named is there, and can be read. Each is fetched once, and let go of at once. */
export class References {
  readonly #blobs: Blobs;
  readonly #findings: HistoryFindings;
  readonly #definitions = new Map<string, Promise<Fault | undefined>>();
  readonly #seen = new Map<string, Promise<Fault | undefined>>();
  plans = 0;
  values = 0;

  constructor(blobs: Blobs, findings: HistoryFindings) {
    this.#blobs = blobs;
    this.#findings = findings;
  }

  /** Named of each run that needs it: of a plan that is gone, all of them are. */
  async plan({ hash, ...of }: Of & { readonly hash: string }): Promise<void> {
    const key = definitionKey(of.tenant, hash);
    const fault = await once(this.#definitions, key, async () => {
      this.plans++;
      const text = await this.#text(key);
      if (text === undefined) return { code: "plan_missing", message: "its plan is not stored" };
      return orFault("plan_unreadable", "its plan cannot be read", () => void preparePlan(parsePlan(text)));
    });
    if (fault !== undefined) this.#findings.add({ ...fault, severity: "error", ...of, key });
  }

  async definition({ hash, ...of }: Of & { readonly hash: string }): Promise<void> {
    const key = definitionKey(of.tenant, hash);
    const fault = await once(this.#definitions, key, async () => {
      const text = await this.#text(key);
      if (text === undefined) return { code: "definition_missing", message: "its definition is not stored" };
      return orFault("definition_missing", "its definition cannot be read", () => void parseDefinition(text));
    });
    if (fault !== undefined) this.#findings.add({ severity: "error", key, ...of, ...fault });
  }

  async valuesOf(of: Of, keys: Iterable<string>): Promise<void> {
    for (const key of keys) {
      const fault = await once(this.#seen, key, async () => {
        this.values++;
        const found = await this.#bytes(key);
        if (found === undefined) return { code: "value_missing", message: "a value it names is not stored" };
        if (found === "damaged") return { code: "value_missing", message: "a value it names is damaged" };
        return undefined;
      });
      if (fault !== undefined) this.#findings.add({ ...fault, severity: "error", ...of, key });
    }
  }

  async #text(key: string): Promise<string | undefined> {
    const bytes = await this.#bytes(key);
    return bytes instanceof Uint8Array ? new TextDecoder().decode(bytes) : undefined;
  }

  async #bytes(key: string): Promise<Uint8Array | "damaged" | undefined> {
    try {
      return await this.#blobs.get(key);
    } catch (error) {
      if (AgentFlowError.is(error) && error.code === "internal") return "damaged";
      // No key at all: nothing can lie there.
      if (AgentFlowError.is(error) && error.code === "invalid_input") return undefined;
      throw error;
    }
  }
}

function once(
  known: Map<string, Promise<Fault | undefined>>,
  key: string,
  look: () => Promise<Fault | undefined>,
): Promise<Fault | undefined> {
  const before = known.get(key);
  if (before !== undefined) return before;
  if (known.size >= rememberedMax) known.clear();
  const found = look();
  known.set(key, found);
  return found;
}

function orFault(code: Fault["code"], what: string, read: () => void): Fault | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return { code, message: `${what}: ${AgentFlowError.from(error, "reading it").message}` };
  }
}
