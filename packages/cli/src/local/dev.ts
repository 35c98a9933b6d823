/** `af dev`: the whole installation here, reloading as files are saved, losing nothing. */
import type { ReloadReport } from "@agentflow/runtime";
import {
  AgentFlowError,
  type LoadProblem,
  type Manifest,
  defaultPool,
  isId,
  defaultTenant,
  devBuild,
  instant,
} from "@agentflow/protocol";
import type { DevOptions } from "./dev-options.ts";
import { type Installation, openInstallation } from "./installation.ts";
import { join } from "./join.ts";
import { readKeys } from "./keys.ts";
import { stateOf } from "./open-bus.ts";
import { type LocalPaths, localPaths, prepareFolder, removeDevFile, writeDevFile } from "./paths.ts";
import { ownAddress } from "./own-address.ts";
import { createScreen } from "./create-screen.ts";
import type { DevScreen } from "./screen.ts";
import { sandboxSettingsOf } from "./sandbox-settings.ts";
import { type SupervisorEvents, SupervisorHandle } from "./supervisor.ts";
import { spawnSupervisor } from "./supervisor-process.ts";
import type { ContainerWorkers } from "./containers/workers.ts";
import { type DevSecrets, openDevSecrets } from "./dev-secrets.ts";
import { followRuns } from "./run-lines.ts";
import { registerWorkflows } from "./workflows.ts";
import { DevSettings } from "./dev-settings.ts";
import { type Change, watchProject } from "./watcher.ts";

const interrupted = 130;
/** The name of the worker that `af dev` brings. */
const ownWorker = "local";

/** Runs until it is told to stop; the exit code. */
export async function runDev(options: DevOptions): Promise<number> {
  const paths = localPaths(options.dir);
  const running = await join(options, paths);
  if (running !== undefined) return running;
  return new DevSession(options, paths).run();
}

class DevSession {
  readonly #options: DevOptions;
  readonly #paths: LocalPaths;
  readonly #screen: DevScreen;
  #supervisor: SupervisorHandle | undefined;
  #secrets: DevSecrets | undefined;
  /** Where the supervisor lives, unless that is here. */
  #containers: ContainerWorkers | undefined;
  readonly #abort = new AbortController();
  readonly #stopped = Promise.withResolvers<number>();
  #opening: Promise<Installation> | undefined;
  #installation: Installation | undefined;
  #settings: DevSettings | undefined;
  #manifest: Manifest | undefined;
  #ready = false;
  #stopping = false;
  #forced = false;
  #work: Promise<void> = Promise.resolve();
  #closeWatcher: () => Promise<void> = async () => {};

  constructor(options: DevOptions, paths: LocalPaths) {
    this.#options = options;
    this.#paths = paths;
    this.#screen = createScreen(options);
  }

  async run(): Promise<number> {
    // Before anything is made: whoever sees the folder may already want to end us in good order.
    this.#catchSignals();
    let starting: Promise<SupervisorHandle> | undefined;
    try {
      prepareFolder(this.#paths, this.#options);
      this.#secrets = await openDevSecrets(this.#options.dir, (change) => {
        this.#screen.secretsRead(change);
        this.#containers?.giveAgain();
      });
      this.#containers = await this.#openContainers(this.#secrets);
      // First of all, so that it boots while the state is opened; an image may take its time beside that.
      starting = this.#startSupervisor();
      if (this.#options.containers === undefined) this.#supervisor = await starting;
      this.#opening = this.#stopping ? undefined : this.#open(this.#secrets);
      [this.#supervisor, this.#installation] = await Promise.all([starting, this.#opening]);
      if (this.#stopping) this.#supervisor.kill();
      else if (this.#installation !== undefined) await this.#serve(this.#installation);
    } catch (error) {
      this.#abort.abort();
      const late = await starting?.catch(() => undefined);
      late?.kill();
      // Asked to stop while it was being made: what is there is closed by then.
      if (this.#stopping) return this.#stopped.promise;
      this.#installation ??= await this.#opening?.catch(() => undefined);
      await this.#close();
      throw error;
    }
    const stopKeys = readKeys(this.#options, {
      reload: () =>
        this.#later(() =>
          this.#reload({
            files: [],
            code: true,
            dependencies: false,
            definitions: true,
            environment: false,
          }),
        ),
      logs: () => this.#screen.toggleLogs(),
      status: () => this.#later(() => this.#showStatus()),
      quit: () => void this.#stop(0),
    });
    const code = await this.#stopped.promise;
    stopKeys();
    return this.#forced ? interrupted : code;
  }

  async #serve(installation: Installation): Promise<void> {
    // The state is ours, so whoever left a container behind is dead.
    await this.#containers?.sweep();
    if (this.#supervisor !== undefined) await this.#configure(this.#supervisor, installation);
    for (const fault of this.#secrets?.store.faults() ?? []) installation.log.warn(fault);
    await this.#settings?.follow(installation.log, ({ log }) => {
      installation.setLevels();
      this.#supervisor?.setLevel(log.level);
    });
    writeDevFile(this.#paths, {
      pid: process.pid,
      url: ownAddress(installation.controlPlane.url),
      startedAt: instant(this.#options.startedMs),
      version: this.#options.version,
    });
    followRuns(installation.controlPlane.engine, this.#screen);
    const watcher = await watchProject(this.#options.dir, (change) =>
      this.#later(() => this.#onChange(change)),
    );
    this.#closeWatcher = () => watcher.close();
  }

  async #startSupervisor(): Promise<SupervisorHandle> {
    const events: SupervisorEvents = {
      ready: ({ manifest, ms }) => this.#later(() => this.#onLoaded(manifest, ms)),
      broken: (problem) => this.#onBroken(problem),
      inspecting: (url) => this.#onInspecting(url),
      log: (records) => this.#screen.logs(records),
      restarted: (reason) => this.#screen.restarted(reason),
      notStarted: (error, retryMs) => this.#screen.notStarted(error, retryMs),
    };
    if (this.#containers !== undefined) return SupervisorHandle.start(events, this.#containers.spawn);
    const { supervisorEntry } = await import("@agentflow/runtime/supervise");
    const { compileCache } = this.#options;
    return SupervisorHandle.start(events, () => spawnSupervisor(supervisorEntry, compileCache));
  }

  async #openContainers({ store }: DevSecrets): Promise<ContainerWorkers | undefined> {
    const { containers, dir, version } = this.#options;
    if (containers === undefined) return undefined;
    const { ContainerWorkers: Workers } = await import("./containers/workers.ts");
    return Workers.open({
      ...containers,
      dir,
      version,
      secrets: store,
      signal: this.#abort.signal,
      onStep: (text) => this.#screen.preparing(text),
      onComplaint: (line) => this.#installation?.log.warn(line, { component: "container" }),
    });
  }

  #onInspecting(url: string): void {
    // Its port is the container's own; here a door leads to it.
    this.#containers?.openPort(Number(URL.parse(url)?.port ?? 0));
    this.#screen.inspecting(url);
  }

  #open({ store }: DevSecrets): Promise<Installation> {
    const { hidden } = store;
    const settings = DevSettings.load(this.#options, this.#paths).then((loaded) => {
      this.#settings = loaded;
      return loaded;
    });
    return openInstallation({
      paths: this.#paths,
      version: this.#options.version,
      settings,
      bus: this.#options.bus ?? "embedded",
      inspectWorker: (worker, port) => (worker === ownWorker ? this.#supervisor?.inspect(port) : undefined),
      hidden,
      secret: (name) => store.get(name),
      onLog: (line) => this.#screen.ownLog(line),
    });
  }

  async #configure(supervisor: SupervisorHandle, installation: Installation): Promise<void> {
    const { dir, inspect } = this.#options;
    if (this.#settings === undefined) return;
    const { worker, log, telemetry, sandbox } = this.#settings.value;
    await supervisor.configure({
      worker: ownWorker,
      tenant: defaultTenant,
      pool: defaultPool,
      build: devBuild,
      ...worker,
      projectDir: dir,
      bus: installation.address,
      logLevel: log.level,
      spanContent: telemetry.content,
      sandbox: await sandboxSettingsOf(sandbox),
      ...(inspect === undefined ? {} : { inspectPort: inspect === true ? 9229 : inspect }),
    });
  }

  /** One thing at a time, in the order it came: a save during a reload waits for it. */
  #later(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      if (!this.#stopping) this.#screen.failed(AgentFlowError.from(error, "af dev"));
    });
  }

  async #onLoaded(manifest: Manifest, ms: number): Promise<void> {
    this.#manifest = manifest;
    this.#learn(manifest);
    const registered = await this.#register();
    if (this.#ready || this.#installation === undefined) return;
    this.#ready = true;
    const { engine, url } = this.#installation.controlPlane;
    const { runs } = await engine.status();
    this.#screen.ready({
      url,
      readyMs: Date.now() - this.#options.startedMs,
      loadMs: ms,
      workflows: registered,
      manifest,
      state: stateOf(this.#options.bus ?? "embedded"),
      ...(this.#containers === undefined ? {} : { workers: this.#containers.place }),
      durability: this.#installation.bus.durability,
      resumed: runs["running"] ?? 0,
    });
  }

  /** What tools say they need: a worker in a container is given it from here. */
  #learn({ tools }: Manifest): void {
    if (this.#containers === undefined) return;
    const declared = tools.flatMap(({ secrets = [] }) => secrets.filter((name) => isId("secret", name)));
    this.#secrets?.store.learn({ secrets: declared });
    this.#containers.giveAgain();
  }

  #onBroken(problem: LoadProblem): void {
    if (!this.#ready) this.#screen.broken({ ms: 0, outcome: "broken", problem, onOldCode: [] }, [], false);
  }

  async #onChange(change: Change): Promise<void> {
    if (change.files.some((file) => /^agentflow\.ya?ml$/.test(file))) await this.#settings?.reload();
    if (change.environment) {
      this.#secrets?.store.refresh();
      await this.#settings?.reload();
    }
    if (!change.code && !change.definitions) return;
    if (!change.code) {
      const started = performance.now();
      const workflows = await this.#register();
      this.#screen.registered(change.files, workflows, performance.now() - started);
      return;
    }
    if (change.dependencies && this.#containers !== undefined) await this.#rebuild(this.#containers, change);
    else await this.#reload(change);
  }

  /** Packages lie in the image: others are another image, whose worker takes over from the one before. */
  async #rebuild(containers: ContainerWorkers, change: Change): Promise<void> {
    const started = performance.now();
    const { files } = change;
    try {
      if (!(await containers.rebuild())) return await this.#reload(change);
      await this.#supervisor?.replaceBy(containers.spawn, this.#settings?.value.stopMs ?? 5_000);
      this.#screen.rebuilt({ files, ms: performance.now() - started });
    } catch (thrown) {
      const error = AgentFlowError.from(thrown, "making the image");
      if (!this.#stopping) this.#screen.rebuilt({ files, ms: performance.now() - started, error });
    }
  }

  async #reload(change: Change): Promise<void> {
    const report: ReloadReport | undefined = await this.#supervisor?.reload();
    if (report === undefined) return;
    this.#sayReload(report, change.files);
    if (report.outcome === "broken") {
      this.#screen.broken(report, change.files, this.#manifest !== undefined);
      return;
    }
    if (report.manifest !== undefined) this.#manifest = report.manifest;
    const workflows = await this.#register();
    this.#screen.reloaded(report, change.files, workflows);
  }

  /** For `af logs`; the terminal has its own line. */
  #sayReload({ outcome, ms, manifest, onOldCode }: ReloadReport, files: readonly string[]): void {
    const facts = {
      outcome,
      ms,
      code: manifest?.code,
      onOldCode: onOldCode.length,
      files: files.slice(0, 20),
    };
    this.#installation?.log.child({ component: "reload" }).info(reloadTexts[outcome], facts);
  }

  async #register(): Promise<readonly string[]> {
    if (this.#installation === undefined || this.#manifest === undefined) return [];
    const { engine } = this.#installation.controlPlane;
    const result = await registerWorkflows(this.#options.dir, { engine, manifest: this.#manifest });
    if (result.findings.length > 0) this.#screen.findings(result.findings);
    if (result.removed.length > 0) this.#screen.removed(result.removed);
    return result.registered;
  }

  async #showStatus(): Promise<void> {
    if (this.#installation !== undefined)
      this.#screen.status(await this.#installation.controlPlane.engine.status());
  }

  #catchSignals(): void {
    let asked = 0;
    const onSignal = (code: number): void => {
      asked++;
      if (asked === 1) void this.#stop(code);
      else this.#force(asked);
    };
    process.on("SIGINT", () => onSignal(0));
    process.on("SIGTERM", () => onSignal(0));
    process.on("SIGHUP", () => onSignal(0));
  }

  /** Asked twice: the work in flight is given up. Asked more often: whatever else goes on is, too. */
  #force(asked: number): void {
    this.#forced = true;
    this.#supervisor?.kill();
    if (asked > 2) process.exit(interrupted);
  }

  async #stop(code: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#abort.abort();
    const drainMs = this.#settings?.value.stopMs ?? 5_000;
    this.#screen.stopping(drainMs);
    this.#installation ??= await this.#opening?.catch(() => undefined);
    const left = (await this.#supervisor?.drain(drainMs)) ?? 0;
    await this.#supervisor?.exited;
    const status = await this.#lastStatus();
    await this.#close();
    this.#screen.stopped({ left, running: status?.runs["running"] ?? 0 });
    this.#stopped.resolve(code);
  }

  /** Once the read model has all that was decided, so that no run is counted that has just ended. */
  async #lastStatus() {
    const engine = this.#installation?.controlPlane.engine;
    await engine?.caughtUp().catch(() => undefined);
    return engine?.status().catch(() => undefined);
  }

  async #close(): Promise<void> {
    await this.#closeWatcher();
    this.#settings?.stop();
    this.#secrets?.stop();
    removeDevFile(this.#paths);
    await this.#installation?.close();
    this.#containers?.close();
  }
}

const reloadTexts: { readonly [Outcome in ReloadReport["outcome"]]: string } = {
  loaded: "new code serves",
  unchanged: "the code is the same as before",
  broken: "the new code does not load",
};
