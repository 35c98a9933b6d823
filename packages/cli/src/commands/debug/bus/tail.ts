import { AgentFlowError, tailKinds } from "@agentflow/protocol";
import { ApiCommand } from "../../../api-command.ts";
import { tailLine } from "../../../debug/bus/item-lines.ts";
import { bytesFlag, tenantFlag } from "../../../debug/bus/tenant-flag.ts";
import { Flags } from "../../../flags.ts";
import { dim, yellow } from "../../../output/text.ts";
import { onInterrupt } from "../../../runs/detach.ts";
import { resolveRun } from "../../../runs/resolve-run.ts";

export default class DebugBusTail extends ApiCommand {
  static override summary =
    "Follow what comes over the bus, from now on: inputs, tasks, commits, dead letters";
  static override description =
    `Kinds: ${tailKinds.join(", ")}; inputs, tasks and dead when left out.\n` +
    "It says when records were left out because they came too fast, and when the connection was lost;\n" +
    "what came meanwhile is then not shown (af logs resumes where it was). Ctrl-C ends it.";
  static override flags = {
    kind: Flags.string({ char: "k", description: "what to follow; with commas", helpValue: "KINDS" }),
    run: Flags.string({ description: "of this run only: id, its beginning, or @last", helpValue: "RUN" }),
    pool: Flags.string({ description: "tasks and dead letters of this pool only", helpValue: "POOL" }),
    tenant: tenantFlag,
    bytes: bytesFlag,
  };
  static override examples = [
    "af debug bus tail",
    "af debug bus tail --kind commits,tasks --run @last",
    "af debug bus tail --kind dead --json",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(DebugBusTail);
    refuseKinds(flags.kind);
    using interrupt = onInterrupt();
    const client = await this.connect(flags, { patient: true });
    const { kind, pool, tenant } = flags;
    const run = flags.run === undefined ? undefined : await resolveRun(client, flags.run);
    const query = {
      characters: flags.bytes,
      ...(kind === undefined ? {} : { kinds: kind }),
      ...(pool === undefined ? {} : { pool }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(run === undefined ? {} : { run }),
    };
    let isLost = false;
    const onLost = (): void => {
      if (isLost) return;
      isLost = true;
      this.output.record("lost", {});
      this.output.say(yellow("… the connection was lost: what comes until it is back is not shown"));
    };
    this.output.say(dim("following from now on; Ctrl-C ends it"));
    for await (const told of client.bus.tail(query, { signal: interrupt.signal, onLost })) {
      isLost = false;
      if (told.event === "missed") {
        this.output.record("missed", { count: told.count });
        this.output.say(
          yellow(`… ${told.count} records were left out: they came faster than they were taken`),
        );
        continue;
      }
      const { kind: of, ...item } = told.item;
      this.output.record("item", { of, ...item });
      this.output.line(tailLine(told.item));
    }
  }
}

function refuseKinds(text: string | undefined): void {
  const wrong = text?.split(",").find((word) => !tailKinds.some((kind) => kind === word));
  if (wrong === undefined) return;
  throw new AgentFlowError("invalid_input", `--kind takes no ${JSON.stringify(wrong.slice(0, 40))}`, {
    reason: "unknown_kind",
    suggestions: [`one of ${tailKinds.join(", ")}, with commas between them`],
  });
}
