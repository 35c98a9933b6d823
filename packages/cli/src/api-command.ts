import type { Client } from "@agentflow/sdk/client";
import { AgentFlowCommand } from "./base-command.ts";
import { type Installation, findInstallation } from "./config/installation.ts";
import type { ContextDoor } from "./contexts/door.ts";
import { withItsStart } from "./config/its-start.ts";
import { contextFlag } from "./context-flag.ts";
import { Flags } from "./flags.ts";
import { whereText } from "./output/where.ts";

/** Flags by which an installation is found. */
export interface Finding {
  readonly dir?: string | undefined;
  readonly url?: string | undefined;
  readonly context?: string | undefined;
}

/** A command that asks an installation: finds it, opens a client, closes it however the command ends. */
export abstract class ApiCommand extends AgentFlowCommand {
  static override baseFlags = {
    ...AgentFlowCommand.baseFlags,
    url: Flags.string({
      description: "the installation's address (default: AF_URL, else the context in use)",
      helpValue: "URL",
      helpGroup: "GLOBAL",
      exclusive: ["context"],
    }),
    context: contextFlag,
  };

  readonly #clients: Client[] = [];
  #found: Installation | undefined;
  #door: Promise<ContextDoor> | undefined;
  #said = false;

  /** What was told; its address may be reachable from its engine's machine alone: see `reach`. */
  protected installation(flags: Finding): Installation {
    const { url, context } = flags;
    const folder = this.folder(flags);
    this.#found = findInstallation({ folder, url, context, environment: process.env });
    return this.#found;
  }

  /** Where nobody answers, what starts that very installation is said. */
  override async execute(): Promise<void> {
    try {
      await super.execute();
    } catch (error) {
      throw withItsStart(error, this.#found?.context);
    }
  }

  /** With an address that can be spoken to from here: through its engine or its cluster if need be. */
  protected async reach(flags: Finding): Promise<Installation> {
    const found = this.installation(flags);
    const { needsDoor, openContextDoor } = await import("./contexts/door.ts");
    if (found.context === undefined || !needsDoor(found.context)) return found;
    this.#door ??= openContextDoor(found.context);
    const { url, token } = await this.#door.catch((error: unknown) => {
      // Who goes on and asks again later is not told the same for ever.
      this.#door = undefined;
      throw error;
    });
    return { ...found, url, urls: [url], ...(token === undefined ? {} : { token }) };
  }

  /** As `reach`, and says on stderr whom it speaks to unless that is the `af dev` of this project. */
  protected async reachToChange(flags: Finding): Promise<Installation> {
    const found = this.installation(flags);
    this.sayWhere(found);
    return this.reach(flags);
  }

  /** Once a command: which installation is about to be changed. */
  protected sayWhere(installation: Installation): void {
    const where = this.#said ? undefined : whereText(installation);
    this.#said = true;
    if (where !== undefined) this.output.say(where);
  }

  /**
   * `patient` clients outlive a restart of the installation; others say within 2 s that nobody answers. With
   * `changes` it is said whom the command speaks to.
   */
  protected async connect(
    flags: Finding,
    options: { readonly patient?: boolean; readonly changes?: boolean } = {},
  ): Promise<Client> {
    const { urls, token } = await (options.changes === true ? this.reachToChange(flags) : this.reach(flags));
    const { createClient } = await import("@agentflow/sdk/client");
    const retryForMs = options.patient === true ? 30_000 : 1_000;
    const client = createClient({ url: urls, retryForMs, ...(token === undefined ? {} : { token }) });
    this.#clients.push(client);
    return client;
  }

  protected override async finally(_error?: Error): Promise<void> {
    for (const client of this.#clients) client.close();
    const door = await this.#door?.catch(() => undefined);
    await door?.close();
  }
}
