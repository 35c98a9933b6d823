import { AgentFlowCommand } from "../../base-command.ts";
import { Flags } from "../../flags.ts";
import type { Recorded } from "../../local/mock-llm.ts";
import { loopback, placeFlags, secretFlag, untilInterrupted } from "../../mock-llm-flags.ts";
import { bold, cyan, dim, green, yellow } from "../../output/text.ts";

const reasons: { readonly [K in NonNullable<Recorded["left"]>]: string } = {
  aborted: "the connection ended before the answer did",
  unreachable: "the provider cannot be reached",
  secret: "it holds a secret that cannot be masked",
  too_long: "it is too long",
};

export default class MockLlmRecord extends AgentFlowCommand {
  static override summary = "Write down what a real provider answers, without keys, to replay it later";
  static override description =
    "A proxy: give its address to your program as the provider's, with your own key.\n" +
    "What passes is written down without keys, cookies and all headers but a few.\n" +
    "Keys, the project's secrets and the values of --secret are masked in bodies too;\n" +
    "an answer that spells a secret out in pieces is not written down. Requests with\n" +
    "Amazon's signature cannot be passed on: use a Bedrock key.";
  static override flags = {
    ...placeFlags,
    upstream: Flags.string({
      description: "the provider's address, without /v1",
      helpValue: "URL",
      required: true,
    }),
    to: Flags.string({
      description: "file that exchanges are appended to: .yaml, or .jsonl",
      helpValue: "FILE",
      required: true,
    }),
    secret: secretFlag,
  };
  static override examples = [
    "af mock-llm record --upstream https://api.openai.com --to tests/refund.yaml",
    "af mock-llm record --upstream https://api.mistral.ai --to mistral.jsonl",
  ];

  async run(): Promise<void> {
    const { flags } = await this.parse(MockLlmRecord);
    const { recordHere } = await import("../../local/mock-llm.ts");
    let written = 0;
    const server = await recordHere({
      dir: this.folder(flags),
      upstream: flags.upstream,
      to: flags.to,
      secrets: flags.secret ?? [],
      host: flags.host ?? loopback,
      port: flags.port,
      onExchange: (recorded) => {
        if (recorded.left === undefined) written += 1;
        this.#told(recorded);
      },
    });
    this.output.record("listening", { url: server.url, upstream: flags.upstream, to: flags.to });
    this.output.line([green("✓ "), bold(server.url), `  passes on to ${flags.upstream}, writes ${flags.to}`]);
    this.output.line(["Give your program ", cyan(server.url), " in place of the provider's address."]);
    await untilInterrupted();
    await server.close();
    this.output.record("stopped", { written });
    this.output.say(`Stopped; exchanges written to ${flags.to}: ${written}.`);
  }

  #told(recorded: Recorded): void {
    this.output.record("exchange", recorded);
    const { n, method, path, status, bytes, left } = recorded;
    this.output.line([
      dim(`${n}`.padStart(4)),
      `  ${method} ${path}  ${status}`,
      dim(`  ${bytes} bytes`),
      left === undefined ? "" : yellow(`  not written: ${reasons[left]}`),
    ]);
  }
}
