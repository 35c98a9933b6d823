/** Whom a project's workflows are registered with: an installation's API, or its bus. */
import {
  AgentFlowError,
  type Finding,
  parseId,
  type RegisterWorker,
  type WorkflowDefinition,
} from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import type { Project } from "./read-project.ts";

export interface Registrar {
  /** Without a version when it was refused for what the findings say. */
  register(definition: WorkflowDefinition, of: { readonly file: string | undefined }): Promise<Registered>;
  /** What is in the project's files no more starts no more runs; the names. Over the bus alone. */
  removeGone?(
    project: Pick<Project, "files" | "workflows">,
    definitions: readonly { readonly definition: WorkflowDefinition }[],
  ): Promise<readonly string[]>;
  /** Those that are alive. */
  workers(): Promise<readonly RegisterWorker[]>;
}

export interface Registered {
  readonly version?: string;
  /** The build that its new runs take. */
  readonly build?: string;
  readonly found: readonly Finding[];
}

export function registrarOf(client: Client, build: string | undefined): Registrar {
  return {
    register: (definition) =>
      orFindings(async () => {
        const view = await client.workflows.register({
          definition,
          ...(build === undefined ? {} : { build: parseId("build", build) }),
        });
        const { version, findings } = view;
        return { version, found: findings, ...(view.build === undefined ? {} : { build: view.build }) };
      }),
    async workers() {
      const { items } = await client.workers.list();
      return items
        .filter(({ alive }) => alive)
        .map(({ worker, pool, build: runs, manifest }) => ({
          worker,
          pool,
          build: runs,
          ...(manifest === undefined ? {} : { code: manifest.code }),
        }));
    },
  };
}

/** A workflow with errors is no error of the command: the others are registered all the same. */
export async function orFindings(register: () => Promise<Registered>): Promise<Registered> {
  try {
    return await register();
  } catch (error) {
    if (!AgentFlowError.is(error) || error.code !== "invalid_project") throw error;
    const { findings } = error.details;
    if (!Array.isArray(findings)) throw error;
    return { found: findings };
  }
}
