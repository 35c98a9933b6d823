import {
  AgentFlowError,
  type BuildId,
  defaultTenant,
  errorTable,
  type Finding,
  parseDuration,
  parseId,
} from "@agentflow/protocol";
import { ApiCommand } from "../../api-command.ts";
import { needProject } from "../../config/installation.ts";
import { Flags } from "../../flags.ts";
import { printFindings } from "../../output/findings.ts";
import { dim, green, yellow } from "../../output/text.ts";
import { inOrder, placeFindings, readProject, withBudgets } from "../../project/index.ts";
import { problemFinding } from "../../project/load-problem.ts";
import type { Registrar } from "../../project/registrar.ts";
import { busFlags } from "../../service-flags.ts";

interface Registration {
  readonly workflow: string;
  readonly version: string;
  readonly build?: string;
}

export default class WorkflowRegister extends ApiCommand {
  static override summary = "Register this project's workflows with an installation";
  static override description =
    "For installations that no af dev runs: workers bring the code, this brings the workflows.\n" +
    "Runs in flight keep the version and the build they began with. One with an error keeps its\n" +
    "last good version. With --build, new runs go to workers of that build: a deploy does that, and\n" +
    "a rollback. With --bus it goes over NATS, as the identity `register`, and needs no key of the API.";
  static override flags = {
    build: Flags.string({
      description: "the build that new runs take from now on (else as before)",
      helpValue: "BUILD",
    }),
    wait: Flags.string({
      description: "wait so long until a worker (of the build) runs this project's code as it is here",
      helpValue: "DURATION",
    }),
    ...busFlags,
    tenant: Flags.string({
      description: "whose workflows they are, with --bus (default)",
      helpValue: "TENANT",
      helpGroup: "BUS",
      dependsOn: ["bus"],
    }),
    "remove-gone": Flags.boolean({
      description: "with --bus: what was registered so before and is in no file any more starts no more runs",
      helpGroup: "BUS",
      dependsOn: ["bus"],
    }),
  };
  static override examples = [
    "af workflow register --url https://agentflow.example",
    "af workflow register -C ./triage --json",
    "af workflow register --wait 2m",
    "af workflow register --build 3f9c2a7b41de",
    "af workflow register --bus nats://nats:4222 --nkey r.nk --inbox _AF.register",
  ];

  #registrar: { close(): Promise<void> } | undefined;

  async run(): Promise<void> {
    const { flags } = await this.parse(WorkflowRegister);
    const dir = needProject(this.folder(flags));
    const waitMs = flags.wait === undefined ? undefined : parseDuration(flags.wait);
    const build = flags.build === undefined ? undefined : parseId("build", flags.build);
    const { loadCode } = await import("../../local/load-code.ts");
    const [registrar, project, loaded] = await Promise.all([
      flags.bus === undefined
        ? this.#byApi(flags, { build, isPatient: waitMs !== undefined })
        : this.#byBus(flags, build),
      readProject(dir),
      loadCode(dir),
    ]);
    const findings: Finding[] = [...project.findings];
    if ("problem" in loaded) findings.push(problemFinding(loaded.problem));
    else if (waitMs !== undefined) {
      const { code } = loaded.manifest;
      const { waitForCode } = await import("../../project/wait-for-code.ts");
      const of = build === undefined ? "" : ` as build ${build}`;
      const onWait = (): void => this.output.say(dim(`waiting for a worker that runs the code ${code}${of}`));
      await waitForCode(registrar, { code, build, waitMs, onWait });
    }
    const written = "problem" in loaded ? [] : loaded.manifest.workflows;
    const definitions = [
      ...project.workflows,
      ...written.map((definition) => ({ definition, file: undefined })),
    ];
    const registered: Registration[] = [];
    for (const { definition, file } of definitions) {
      const { found, ...one } = await registrar.register(withBudgets(project, definition), { file });
      findings.push(
        ...(file === undefined ? named(definition.name, found) : placeFindings(project, file, found)),
      );
      const { version, build: takes } = one;
      if (version === undefined) continue;
      registered.push({
        workflow: definition.name,
        version,
        ...(takes === undefined ? {} : { build: takes }),
      });
    }
    // A project whose code does not load may hold workflows that nobody can see now.
    const removed =
      flags["remove-gone"] && !("problem" in loaded)
        ? await registrar.removeGone?.(project, definitions)
        : [];
    this.#print({ registered, removed: removed ?? [], findings: inOrder(findings) });
  }

  #print(of: {
    readonly registered: readonly Registration[];
    readonly removed: readonly string[];
    readonly findings: readonly Finding[];
  }): void {
    const { registered, removed, findings } = of;
    const bad = findings.some(({ severity }) => severity === "error");
    this.output.data(of);
    printFindings(this.output, findings);
    for (const { workflow, version, build } of registered) {
      const takes = build === undefined ? "" : dim(`  build ${build}`);
      this.output.line([green("✓ "), workflow, "  ", version.slice(0, 12), takes]);
    }
    for (const workflow of removed) {
      this.output.line([yellow("- "), workflow, dim("  in no file any more: it starts no more runs")]);
    }
    if (bad) this.exitWith(errorTable.invalid_project.exit);
  }

  async #byApi(
    flags: Parameters<ApiCommand["connect"]>[0],
    of: { readonly build: string | undefined; readonly isPatient: boolean },
  ): Promise<Registrar> {
    const client = await this.connect(flags, { patient: of.isPatient, changes: true });
    const { registrarOf } = await import("../../project/registrar.ts");
    return registrarOf(client, of.build);
  }

  async #byBus(flags: BusAsked, build: BuildId | undefined) {
    if (flags.url !== undefined || flags.context !== undefined) throw twoWays();
    const { openBusRegistrar } = await import("../../local/register-by-bus.ts");
    const registrar = await openBusRegistrar({
      bus: {
        servers: (flags.bus ?? "").split(",").map((one) => one.trim()),
        nkey: flags.nkey,
        creds: flags.creds,
        inbox: flags.inbox,
      },
      tenant: parseId("tenant", flags.tenant ?? defaultTenant),
      build,
      isOfProject: flags["remove-gone"],
    });
    this.#registrar = registrar;
    return registrar;
  }

  protected override async finally(thrown: Error | undefined): Promise<void> {
    await this.#registrar?.close();
    await super.finally(thrown);
  }
}

type BusAsked = {
  readonly [K in "bus" | "nkey" | "creds" | "inbox"]: string | undefined;
} & {
  readonly url: string | undefined;
  readonly context: string | undefined;
  readonly tenant: string | undefined;
  readonly "remove-gone": boolean;
};

function twoWays(): AgentFlowError {
  return new AgentFlowError("invalid_input", "--bus goes over the bus: it takes no --url and no --context", {
    suggestions: ["leave one of them out"],
  });
}

/** Of a workflow that is written in code: it has no lines to point at. */
function named(workflow: string, findings: readonly Finding[]): Finding[] {
  return findings.map((finding) => ({ ...finding, message: `workflow ${workflow}: ${finding.message}` }));
}
