import type { Client } from "@agentflow/sdk/client";
import { AgentFlowCommand } from "./base-command.ts";
import { type Installation, findInstallation } from "./config/installation.ts";
import { Flags } from "./flags.ts";

/** A command that asks an installation: finds it, opens a client, closes it however the command ends. */
export abstract class ApiCommand extends AgentFlowCommand {
  static override baseFlags = {
    ...AgentFlowCommand.baseFlags,
    url: Flags.string({
      description: "the installation's address (default: AF_URL, else what runs in this project)",
      helpValue: "URL",
      helpGroup: "GLOBAL",
    }),
  };

  readonly #clients: Client[] = [];

  protected installation(flags: {
    readonly dir?: string | undefined;
    readonly url?: string | undefined;
  }): Installation {
    return findInstallation({ folder: this.folder(flags), url: flags.url, environment: process.env });
  }

  /** `patient` clients outlive a restart of the installation; others say within 2 s that nobody answers. */
  protected async connect(
    flags: { readonly dir?: string | undefined; readonly url?: string | undefined },
    options: { readonly patient?: boolean } = {},
  ): Promise<Client> {
    const { url, token } = this.installation(flags);
    const { createClient } = await import("@agentflow/sdk/client");
    const retryForMs = options.patient === true ? 30_000 : 1_000;
    const client = createClient({ url, retryForMs, ...(token === undefined ? {} : { token }) });
    this.#clients.push(client);
    return client;
  }

  protected override async finally(): Promise<void> {
    for (const client of this.#clients) client.close();
  }
}
