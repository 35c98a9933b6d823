/** What the loops of one step use up, each in its journal, and what is left for one of them. */
import {
  type TurnState,
  addUsage,
  addUsd,
  emptyTurn,
  isMoreUsd,
  leftUsd,
  usageOf,
  usdOf,
} from "@agentflow/core/turn";
import type { TaskBudget, UsageTotals } from "@agentflow/protocol";

export interface AccountLimits {
  readonly tokens?: number | undefined;
  readonly usd?: string | undefined;
}

/**
 * One loop's account; those of its sub-agents hang below it. What is set aside for a call that is under way
 * counts against everybody else.
 */
export class Account {
  readonly #parent: Account | undefined;
  readonly #limits: AccountLimits;
  readonly #below = new Map<string, Account>();
  /** Of journals below that no loop of this attempt drives. */
  readonly #earlier = new Map<string, UsageTotals>();
  #state: TurnState = emptyTurn;
  #beside: UsageTotals | undefined;

  constructor(limits: AccountLimits, parent?: Account) {
    this.#limits = limits;
    this.#parent = parent;
  }

  /** The account of a sub-agent's loop; it takes the place of what was known of that journal. */
  open(step: string, limits: AccountLimits): Account {
    const account = new Account(limits, this);
    this.#earlier.delete(step);
    this.#below.set(step, account);
    return account;
  }

  /** A journal below that is at its end. */
  note(step: string, usage: UsageTotals): void {
    if (!this.#below.has(step)) this.#earlier.set(step, usage);
  }

  /** Usage that no journal holds. */
  addBeside(usage: UsageTotals): void {
    this.#beside = this.#beside === undefined ? usage : addUsage(this.#beside, usage);
  }

  set state(state: TurnState) {
    this.#state = state;
  }

  /** This journal's and all below it. */
  total(): UsageTotals {
    const below = [...this.#earlier.values(), ...[...this.#below.values()].map((one) => one.total())];
    const own = usageOf(this.#state);
    const all = this.#beside === undefined ? below : [...below, this.#beside];
    return all.reduce(addUsage, own);
  }

  /** What this journal may use up in all, so that neither it nor one above it goes beyond its limits. */
  budget(): TaskBudget | undefined {
    let tokens: number | undefined;
    let usd: string | undefined;
    for (const at of this.#upwards()) {
      const others = at.#usedWithout(this);
      const { tokens: tokensMax, usd: usdMax } = at.#limits;
      if (tokensMax !== undefined) {
        tokens = Math.min(tokens ?? Number.MAX_SAFE_INTEGER, Math.max(0, tokensMax - others.tokens));
      }
      if (usdMax !== undefined) {
        const left = leftUsd(usdMax, others.usd);
        usd = usd === undefined || isMoreUsd(usd, left) ? left : usd;
      }
    }
    if (tokens === undefined && usd === undefined) return undefined;
    return { ...(tokens === undefined ? {} : { tokens }), ...(usd === undefined ? {} : { usd }) };
  }

  /** This one and those above it. */
  #upwards(): readonly Account[] {
    return this.#parent === undefined ? [this] : [this, ...this.#parent.#upwards()];
  }

  #usedWithout(one: Account): { readonly tokens: number; readonly usd: string } {
    const own = this === one ? noUse : this.#ownUse();
    const earlier = [...this.#earlier.values()].map(useOf);
    const below = [...this.#below.values()].map((account) => account.#usedWithout(one));
    return [...earlier, ...below].reduce(addUse, own);
  }

  /** With what is set aside. */
  #ownUse(): { readonly tokens: number; readonly usd: string } {
    const use = useOf(usageOf(this.#state));
    const beside = this.#beside === undefined ? use : addUse(use, useOf(this.#beside));
    if (this.#state.kind !== "active" || this.#state.asking === undefined) return beside;
    const { tokens, usd = "0" } = this.#state.asking.reserved;
    return addUse(beside, { tokens, usd });
  }
}

const noUse = { tokens: 0, usd: "0" };

interface Use {
  readonly tokens: number;
  readonly usd: string;
}

function useOf({ inputTokens, outputTokens, usd }: UsageTotals): Use {
  return { tokens: inputTokens + outputTokens, usd };
}

function addUse(a: Use, b: Use): Use {
  return { tokens: a.tokens + b.tokens, usd: addUsd(a.usd, b.usd) };
}

export function limitsOf(of: { readonly tokens?: number; readonly usd?: number }): AccountLimits {
  return { tokens: of.tokens, usd: of.usd === undefined ? undefined : usdOf(of.usd) };
}
