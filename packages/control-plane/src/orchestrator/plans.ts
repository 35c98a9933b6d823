import type { Blobs } from "@agentflow/bus";
import { type PreparedPlan, preparePlan } from "@agentflow/core/plan";
import type { DefinitionHash, TenantId } from "@agentflow/protocol";
import { parsePlan } from "./parse-plan.ts";

/** Plans ready to be walked, by hash: the newest in memory, the others in blobs. */
export class Plans {
  private readonly blobs: Blobs;
  private readonly max: number;
  private readonly known = new Map<string, PreparedPlan>();
  private readonly loading = new Map<string, Promise<PreparedPlan | undefined>>();

  constructor(blobs: Blobs, max: number) {
    this.blobs = blobs;
    this.max = max;
  }

  /** Without waiting; undefined when it is not in memory. */
  peek(tenant: TenantId, hash: DefinitionHash): PreparedPlan | undefined {
    return this.known.get(definitionKey(tenant, hash));
  }

  /** Undefined when nobody stored it. */
  async get(tenant: TenantId, hash: DefinitionHash): Promise<PreparedPlan | undefined> {
    const key = definitionKey(tenant, hash);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const loading = this.loading.get(key) ?? this.load(key);
    this.loading.set(key, loading);
    return loading.finally(() => this.loading.delete(key));
  }

  private async load(key: string): Promise<PreparedPlan | undefined> {
    const bytes = await this.blobs.get(key);
    if (bytes === undefined) return undefined;
    const plan = preparePlan(parsePlan(new TextDecoder().decode(bytes)));
    this.known.set(key, plan);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= this.max) break;
      this.known.delete(oldest);
    }
    return plan;
  }
}

/** Where definitions and plans lie: by their content, for good. */
export function definitionKey(tenant: TenantId, hash: string): string {
  return `${tenant}/_def/${hash}`;
}
