import { AgentFlowCommand } from "../../base-command.ts";
import { Args } from "../../flags.ts";
import type { Replayed } from "../../local/mock-llm.ts";
import { loopback, placeFlags, secretFlag, untilInterrupted } from "../../mock-llm-flags.ts";
import { bold, dim, green, red } from "../../output/text.ts";

export default class MockLlmReplay extends AgentFlowCommand {
  static override summary = "Answer from a recording, byte for byte, without a network";
  static override description =
    "A request is found again by method, path and body, whatever the order of its keys\n" +
    "and without fields that change no answer (user, metadata and such). One that was\n" +
    "not recorded is a 404 that shows where the nearest one differs.";
  static override args = { cassette: Args.string({ required: true, description: "file of exchanges" }) };
  static override flags = { ...placeFlags, secret: secretFlag };
  static override examples = [
    "af mock-llm replay tests/refund.yaml",
    "af mock-llm replay claude.jsonl --port 4190 --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(MockLlmReplay);
    const { replayHere } = await import("../../local/mock-llm.ts");
    let calls = 0;
    const server = await replayHere({
      dir: this.folder(flags),
      cassette: args.cassette,
      secrets: flags.secret ?? [],
      host: flags.host ?? loopback,
      port: flags.port,
      onCall: (replayed) => {
        calls += 1;
        this.#told(replayed);
      },
    });
    const { url, exchanges } = server;
    this.output.record("listening", { url, cassette: args.cassette, exchanges });
    this.output.line([
      green("✓ "),
      bold(url),
      `  answers from ${args.cassette}, ${exchanges} ${exchanges === 1 ? "exchange" : "exchanges"}`,
    ]);
    await untilInterrupted();
    await server.close();
    this.output.record("stopped", { calls });
    this.output.say(`Stopped; calls: ${calls}.`);
  }

  #told(replayed: Replayed): void {
    this.output.record("call", replayed);
    const { n, method, path, status, exchange } = replayed;
    const found = exchange === undefined ? red("  not recorded") : green(`  exchange ${exchange}`);
    this.output.line([dim(`${n}`.padStart(4)), `  ${method} ${path}  ${status}`, found]);
  }
}
