/** Sandboxes in a cluster: a pod a call, made, held against what was asked, and removed. */
import type { Clock } from "@agentflow/host/clock";
import { AgentFlowError, type Json } from "@agentflow/protocol";
import { jsonAt, jsonList, jsonText } from "../applied.ts";
import type { OpenSandbox, SandboxExit, SandboxRequest, SandboxSource } from "../source.ts";
import { unavailable } from "../unavailable.ts";
import { type ClusterApi, type ClusterPlace, type Program, openCluster } from "./api.ts";
import { appliedOf } from "./applied.ts";
import { type Door, NetworkLook } from "./network.ts";
import { type Wait, realWait } from "../pace.ts";
import { type PodPlace, type PodPlan, type PodShape, isPast, podLabels, podOf, unlimited } from "./shape.ts";
import { exitOf, isOver, stateOf } from "./state.ts";

export interface PodSandboxes extends ClusterPlace {
  readonly shape: Omit<PodShape, "namespace" | "placed">;
  /** The broker's own pod: sandboxes go with it, to the nodes that it may go to. */
  readonly pod?: string | undefined;
  readonly clock: Clock;
  /** Others of the same owner may be at work: only what is past its time is removed. */
  readonly isGuest?: boolean;
  /** Longest that a pod may take to run; 60 s when left out. */
  readonly startMs?: number | undefined;
  /** What no sandbox may reach; the API server when left out. */
  readonly closed?: Door | undefined;
  readonly wait?: Wait;
}

export interface PodSource extends SandboxSource {
  /** Removes what a predecessor under the same owner and pod left, and what anybody left past its time. */
  sweep(): Promise<number>;
}

const startMsByDefault = 60_000;
const lateMs = 60_000;
const pollMs = { first: 50, last: 1_000 };
/** After the end of a program the pod's own state may come late. */
const endLooks = 8;
const goneLooks = 60;

export function podSandboxes(options: PodSandboxes): PodSource {
  return new Source(options);
}

interface Known {
  readonly api: ClusterApi;
  readonly version: string;
  readonly placed: PodPlace;
  readonly network: NetworkLook;
}

class Source implements PodSource {
  readonly #options: PodSandboxes;
  readonly #wait: Wait;
  readonly #open = new Map<OpenSandbox, Promise<unknown>>();
  readonly #names = new Set<string>();
  #known: Promise<Known> | undefined;
  #swept: Promise<number> | undefined;
  #count = 0;

  constructor(options: PodSandboxes) {
    this.#options = options;
    this.#wait = options.wait ?? realWait;
  }

  async open(request: SandboxRequest, onOutput: (chunk: Buffer) => void): Promise<OpenSandbox> {
    const { clock, namespace } = this.#options;
    const known = await this.#knows();
    await this.sweep().catch(() => undefined);
    const shape: PodShape = { ...this.#options.shape, namespace, placed: known.placed };
    const nonce = `${clock.now()} ${clock.monotonic()} ${this.#count++}`;
    const plan = podOf(shape, request, { now: clock.now(), nonce });
    this.#names.add(plan.name);
    await this.#create(known.api, plan, shape);
    try {
      const { node } = await this.#running(known.api, plan.name);
      await known.network.check({ pod: plan.name, node });
      const program = await known.api.exec({ pod: plan.name, command: plan.command, onErrors: onOutput });
      const pod = await known.api.get(plan.name);
      if (pod === undefined) throw unavailable(`the pod ${plan.name} was removed by somebody`, []);
      const applied = appliedOf(pod, { shape, request, plan, version: known.version });
      return this.#opened(known.api, { plan, program, applied });
    } catch (error) {
      await known.api.remove(plan.name).catch(() => undefined);
      this.#names.delete(plan.name);
      throw asUnavailable(error);
    }
  }

  #opened(
    api: ClusterApi,
    of: { readonly plan: PodPlan; readonly program: Program; readonly applied: OpenSandbox["applied"] },
  ): OpenSandbox {
    const { plan, program, applied } = of;
    const life: Life = { isOver: false, isKilled: false };
    void program.ended.then(() => {
      life.isOver = true;
    });
    const kill = (): void => {
      // A program that has ended is looked at before its pod goes.
      if (life.isOver) return;
      life.isKilled = true;
      void api.remove(plan.name).catch(() => undefined);
    };
    const exited = this.#exitOf(api, plan.name, { program, life });
    const sandbox: OpenSandbox = { stream: program.stream, applied, exited, kill };
    this.#open.set(
      sandbox,
      exited.finally(() => {
        this.#open.delete(sandbox);
        this.#names.delete(plan.name);
      }),
    );
    return sandbox;
  }

  async sweep(): Promise<number> {
    this.#swept ??= this.#sweepNow().catch((error: unknown) => {
      this.#swept = undefined;
      throw error;
    });
    return this.#swept;
  }

  async close(): Promise<void> {
    for (const sandbox of this.#open.keys()) sandbox.kill();
    await Promise.all(this.#open.values());
    const known = await this.#known?.catch(() => undefined);
    known?.api.close();
  }

  /** Asked once; a cluster that did not answer is asked again. */
  #knows(): Promise<Known> {
    this.#known ??= this.#look().catch((error: unknown) => {
      this.#known = undefined;
      throw asUnavailable(error);
    });
    return this.#known;
  }

  async #look(): Promise<Known> {
    const { pod, clock, closed } = this.#options;
    const api = await openCluster(this.#options);
    const [version, own] = await Promise.all([api.version(), pod === undefined ? undefined : api.get(pod)]);
    if (pod !== undefined && own === undefined) {
      throw unavailable(`the broker's own pod ${pod} is not in namespace ${this.#options.namespace}`, [
        "sandbox.pod is its name, sandbox.namespace where it is",
      ]);
    }
    const network = new NetworkLook({ api, clock, ...(closed === undefined ? {} : { closed }) });
    return { api, version, placed: own === undefined ? {} : placeOf(own), network };
  }

  async #create(api: ClusterApi, plan: PodPlan, { runtimeClass, namespace }: PodShape): Promise<void> {
    try {
      await api.create(plan.pod);
    } catch (error) {
      this.#names.delete(plan.name);
      const { message } = AgentFlowError.from(error, "a pod");
      const isClass = runtimeClass !== undefined && /runtimeclass/i.test(message);
      throw unavailable(
        `no pod was made: ${message}`,
        isClass
          ? [
              "kubectl get runtimeclasses",
              `make one that is called ${runtimeClass}, or name another: runtimeClass of the target`,
            ]
          : [`what its namespace allows: kubectl -n ${namespace} describe quota,limits,rolebindings`],
        error,
      );
    }
  }

  async #running(api: ClusterApi, name: string): Promise<{ readonly node: string }> {
    const { startMs = startMsByDefault, clock, namespace } = this.#options;
    const began = clock.monotonic();
    let why = "";
    for (let pauseMs = pollMs.first; ; pauseMs = Math.min(pollMs.last, pauseMs * 2)) {
      const pod = await api.get(name);
      if (pod === undefined) throw unavailable(`the pod ${name} was removed before it ran`, []);
      const state = stateOf(pod);
      if (state.kind === "running") return state;
      why = state.why;
      if (state.kind === "failed" || clock.monotonic() - began > startMs) break;
      await this.#wait(pauseMs);
    }
    const warnings = await api.events(name);
    const last = warnings.at(-1);
    const said = [why, ...(last === undefined || last.includes(why) ? [] : [last])].filter(
      (one) => one !== "",
    );
    const how = said.length === 0 ? ` within ${startMs / 1_000} s` : `: ${said.join("; ")}`;
    const what = `its pod does not start${how}`;
    throw unavailable(what, [
      `kubectl -n ${namespace} get events --field-selector involvedObject.name=${name}`,
    ]);
  }

  /** Resolves once the pod is gone, with everything that ran in it. */
  async #exitOf(
    api: ClusterApi,
    name: string,
    { program, life }: { readonly program: Program; readonly life: Life },
  ): Promise<SandboxExit> {
    const code = await program.ended;
    const isClear = life.isKilled || (code >= 0 && code !== killed);
    const exit = isClear ? { code, outOfMemory: false } : await this.#endOf(api, { name, code });
    await api.remove(name).catch(() => undefined);
    for (let look = 0; look < goneLooks; look++) {
      const pod = await api.get(name).catch(() => undefined);
      if (pod === undefined || isOver(pod)) break;
      await this.#wait(pollMs.first * 4);
    }
    return code === unlimited
      ? { code, outOfMemory: false, why: "the image's shell cannot limit processes" }
      : exit;
  }

  /** Killed, or cut off: the pod may know more. */
  async #endOf(api: ClusterApi, of: { readonly name: string; readonly code: number }): Promise<SandboxExit> {
    const ended = { code: of.code, outOfMemory: false };
    for (let look = 0; look < endLooks; look++) {
      // Null: nobody answers, which says nothing of the pod.
      const pod = await api.get(of.name).catch(() => null);
      if (pod === undefined) return { ...ended, why: deleted };
      const exit = isOver(pod) ? exitOf(pod) : undefined;
      if (isDeleted(pod)) return { ...ended, why: exit?.why ?? deleted };
      if (exit !== undefined) return { ...exit, code: of.code };
      if (of.code === killed && (await lackedMemory(api, of.name)))
        return { code: of.code, outOfMemory: true };
      await this.#wait(pollMs.first * 4);
    }
    return ended;
  }

  async #sweepNow(): Promise<number> {
    const { shape, clock, pod: ownPod, isGuest = false } = this.#options;
    const { api } = await this.#knows();
    const listed = await api.list(`${podLabels.sandbox}=${shape.owner}`);
    const now = clock.now();
    const over = listed.filter((pod) => {
      const name = jsonText(pod, "metadata", "name");
      if (this.#names.has(name)) return false;
      if (isPast(pod, now, lateMs)) return true;
      return !isGuest && (isOver(pod) || ownerOf(pod) === (ownPod ?? ""));
    });
    await Promise.all(over.map((pod) => api.remove(jsonText(pod, "metadata", "name"))));
    return over.length;
  }
}

interface Life {
  isOver: boolean;
  /** By us. */
  isKilled: boolean;
}

const deleted = "somebody deleted its pod, or its node is being emptied";

function isDeleted(pod: Json): boolean {
  return jsonAt(pod, "metadata", "deletionTimestamp") !== null;
}

/** By a signal that cannot be caught: most often by the kernel, for its memory. */
const killed = 137;

/** The kernel counts what it killed for its memory; of a single process the pod itself says nothing. */
async function lackedMemory(api: ClusterApi, pod: string): Promise<boolean> {
  const files = "/sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control";
  const command = ["/bin/sh", "-c", `cat ${files} 2>/dev/null`];
  try {
    const program = await api.exec({ pod, command, onErrors: () => undefined });
    let said = "";
    program.stream.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(0, 4_096);
    });
    await program.ended;
    return /^oom_kill [1-9]/m.test(said);
  } catch {
    return false;
  }
}

/** Brokers of one installation stand side by side: each takes away its own alone. */
function ownerOf(pod: Json): string {
  const [first = null] = jsonList(jsonAt(pod, "metadata", "ownerReferences"));
  return jsonText(first, "name");
}

function placeOf(pod: Json): PodPlace {
  const kept = ["imagePullSecrets", "nodeSelector", "tolerations"].flatMap((key) => {
    const value = jsonAt(pod, "spec", key);
    return value === null ? [] : [[key, value] as const];
  });
  const ownerPod = { name: jsonText(pod, "metadata", "name"), uid: jsonText(pod, "metadata", "uid") };
  return { ownerPod, ...Object.fromEntries(kept) };
}

function asUnavailable(error: unknown): unknown {
  if (!AgentFlowError.is(error) || error.reason === "sandbox_unavailable") return error;
  const rights =
    error.code === "forbidden" ? ["may the broker: kubectl auth can-i --as … create pods/exec"] : [];
  return unavailable(error.message, rights, error);
}
