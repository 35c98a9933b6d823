import { AgentFlowCommand } from "../../base-command.ts";
import { Args } from "../../flags.ts";
import type { MockCall, Played } from "../../local/mock-llm.ts";
import { loopback, placeFlags, untilInterrupted } from "../../mock-llm-flags.ts";
import { type Text, bold, cyan, dim, green, red } from "../../output/text.ts";
import { printRecord } from "../../output/table.ts";

export default class MockLlm extends AgentFlowCommand {
  static override summary = "A model provider on this machine that says what a script says";
  static override description =
    "It speaks as OpenAI (chat, responses), Anthropic, Google, Mistral, Azure,\n" +
    "Ollama and Bedrock do: streams, tool calls, JSON by schema, embeddings, and\n" +
    "failures: 429, 500, hanging, cut and broken streams. The same requests get the\n" +
    "same answers. Without a script it answers by itself.\n" +
    "Each call is a line; GET /_calls lists them. Ctrl-C ends it.";
  static override args = { script: Args.string({ ignoreStdin: true, description: "file of rules (YAML)" }) };
  static override flags = placeFlags;
  static override examples = [
    "af mock-llm",
    "af mock-llm tests/refunds.yaml --port 4190",
    "af mock-llm tests/refunds.yaml --json",
  ];

  async run(): Promise<void> {
    const { args, flags } = await this.parse(MockLlm);
    const { playScript } = await import("../../local/mock-llm.ts");
    const played = await playScript({
      dir: this.folder(flags),
      script: args.script,
      host: flags.host ?? loopback,
      port: flags.port,
      onCall: (call) => this.#told(call),
    });
    this.#greet(played, args.script);
    await untilInterrupted();
    await played.close();
    this.output.record("stopped", { calls: played.calls() });
    this.output.say(`Stopped; calls: ${played.calls()}.`);
  }

  #greet({ url, baseUrls, rules, key }: Played, script: string | undefined): void {
    this.output.record("listening", { url, baseUrls, script: script ?? null, rules });
    const what =
      script === undefined
        ? "answers by itself"
        : `plays ${script}, ${rules} ${rules === 1 ? "rule" : "rules"}`;
    this.output.line([green("✓ "), bold(url), `  ${what}`]);
    this.output.line();
    printRecord(
      this.output,
      Object.entries(baseUrls).map(([provider, base]) => [provider, cyan(base)]),
    );
    this.output.line();
    this.output.line("In agentflow.yaml:");
    this.output.line(
      '  models: {default: {provider: openai-compatible, model: "env://AF_MODEL?scripted", ' +
        'baseUrl: "env://AF_MODEL_URL?", apiKey: "secret://model-key"}}',
    );
    this.output.line("In .env:");
    this.output.line("  AF_MODEL=mock");
    this.output.line(`  AF_MODEL_URL=${baseUrls["openai-compatible"] ?? url}`);
    this.output.line(`  MODEL_KEY=${key ?? "any"}`);
    this.output.line();
  }

  #told(call: MockCall): void {
    this.output.record("call", call);
    const bad = call.outcome === "failed" || call.outcome === "cut" || call.outcome === "hung";
    const line: Text[] = [
      dim(`${call.n}`.padStart(4)),
      `  ${call.dialect}  ${call.model}`,
      call.turn === undefined ? "" : `  turn ${call.turn}`,
      dim(call.stream ? "  stream" : ""),
      call.rule === undefined ? "" : `  ${call.rule}`,
      bad ? red(`  ${call.outcome} ${call.status}`) : green(`  ${call.outcome}`),
      dim(call.inputTokens === undefined ? "" : `  ${call.inputTokens} in, ${call.outputTokens ?? 0} out`),
      dim(`  key ${call.key}`),
      call.message === undefined ? "" : `  ${JSON.stringify(call.message)}`,
    ];
    this.output.line(line);
    if (call.why !== undefined) this.output.line(dim(`      ${call.why}`));
  }
}
