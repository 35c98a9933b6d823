/** One simulated life of an installation: a function of the seed and of the code. */
import type { Engine } from "@agentflow/control-plane";
import { type SeededRandom, seededRandom } from "@agentflow/host/virtual";
import { defaultTenant } from "@agentflow/protocol";
import { check, type Checked, isSettled, readHistories } from "./checkers/check.ts";
import type { History } from "./checkers/history.ts";
import { Owners } from "./checkers/owners.ts";
import { calm, strike } from "./faults/faults.ts";
import { type Scenario, scenarioNamed, scenarios } from "./faults/scenarios.ts";
import { builds } from "./house/builds.ts";
import { Client } from "./house/client.ts";
import { House } from "./house/house.ts";
import { type Broken, brokenBy, type Mutation } from "./mutations/mutations.ts";
import { askModels } from "./workload/ask-models.ts";
import { askPeople } from "./workload/ask-people.ts";
import { generateWorkflow } from "./workload/generate.ts";
import { People } from "./workload/people.ts";
import { definitionOf, type WorkflowSpec } from "./workload/spec.ts";
import { manifest } from "./workload/tools.ts";
import { drive, passTime, waitUntil } from "./world/drive.ts";

export interface SimulateOptions {
  readonly seed: string | number;
  /** By name; the seed picks one when it is left out. */
  readonly scenario?: string;
  readonly mutation?: Mutation;
}

export interface Simulated {
  readonly seed: string;
  readonly scenario: string;
  /** Empty when every promise was kept. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  /** What became of the first run that a violation names. */
  readonly story: readonly string[];
  readonly runs: number;
  readonly acts: number;
  readonly modelCalls: number;
  readonly virtualMs: number;
}

const startMaxMs = 60_000;
/** More than any read of the table may lag behind the write of another. */
const tableLagMs = 500;
/** So long without a commit, with work open, is stuck. */
const silentMaxMs = 90_000;
/** Nothing but a lost tail or a rival may need the nudge, which comes after ten minutes of silence. */
const silentWithNudgeMaxMs = 1_800_000;
const quietMaxMs = 6 * 3_600_000;
/** Agents that ask for ever are never silent. */
const quietWithAgentsMaxMs = 15 * 60_000;
const pauseMaxMs = 20_000;

export async function simulate(options: SimulateOptions): Promise<Simulated> {
  const { seed, mutation } = options;
  const dice = seededRandom(`sim/${seed}`);
  const scenario = pickScenario(options.scenario, dice.fork("scenario"));
  const house = openHouse(scenario, mutation, dice);
  const specs = specsOf(scenario, dice);
  const { violations, story } = await live({ house, scenario, specs, dice });
  return {
    seed: String(seed),
    scenario: scenario.name,
    violations,
    trace: house.trace.lines(),
    story,
    runs: house.ledger.asked.size,
    acts: house.ledger.acts.length + house.ledger.deeds.length,
    modelCalls: house.ledger.asks.length,
    virtualMs: house.time.monotonic(),
  };
}

function specsOf({ rush = false, people, agents }: Scenario, dice: SeededRandom): readonly WorkflowSpec[] {
  const plain = makeSpecs(dice.fork("workflows"), rush);
  const asking = dice.fork("asking");
  if (agents === true) return plain.map((spec) => askModels(spec, asking));
  return people === true ? plain.map((spec) => askPeople(spec, asking)) : plain;
}

interface Life {
  readonly house: House;
  readonly scenario: Scenario;
  readonly specs: readonly WorkflowSpec[];
  readonly dice: SeededRandom;
}

async function live({ house, scenario, specs, dice }: Life): Promise<Checked> {
  let faulty = true;
  const lossRate = (): number => (faulty ? scenario.clientLoss : 0);
  const makeClient = (name: string): Client => new Client({ name, house, random: dice.fork(name), lossRate });
  const decides = scenario.people === true ? { decides: dice.fork("deciding") } : {};
  const people = new People({
    house,
    specs,
    dice: dice.fork("people"),
    makeClient,
    diligent: scenario.agents === true,
    ...decides,
  });
  house.open();
  if (!(await waitUntil(house.time, () => hasTools(house), startMaxMs))) {
    return { violations: ["the installation did not start"], story: [] };
  }
  for (const spec of specs) await register(house, spec);
  await faultPhase({ house, scenario, specs, people, dice: dice.fork("faults") });
  faulty = false;
  const owners = new Owners(house);
  const diligent = scenario.agents === true;
  const quiet = diligent
    ? { maxMs: quietWithAgentsMaxMs, isOver: ({ end }: History) => end !== undefined }
    : { maxMs: quietMaxMs, isOver: isSettled };
  await quietPhase(house, people, quiet);
  const { violations, story } = await check(house, { specs, diligent });
  people.leave();
  return { violations: [...violations, ...owners.faults()], story };
}

function pickScenario(name: string | undefined, dice: SeededRandom): Scenario {
  const picked = name === undefined ? dice.pick(scenarios) : scenarioNamed(name);
  if (picked === undefined) throw new TypeError(`there is no scenario ${name ?? ""}`);
  return picked;
}

function openHouse(
  { weather, skewMs, rush, controlPlanes, logs, deploys }: Scenario,
  mutation: Mutation | undefined,
  dice: SeededRandom,
): House {
  const broken: Broken = mutation === undefined ? {} : brokenBy(mutation);
  const size = dice.fork("size");
  return new House({
    dice,
    weather,
    skewMs,
    workers: 2 + size.int(2),
    slots: rush ? 1 : 1 + size.int(4),
    engineBus: broken.engineBus ?? ((bus) => bus),
    workerBus: broken.workerBus ?? ((bus) => bus),
    engineDoor: broken.engineDoor ?? ((engine) => engine),
    manifest: broken.manifest?.(manifest) ?? manifest,
    ...(controlPlanes === undefined ? {} : { controlPlanes }),
    ...(logs === undefined ? {} : { logs }),
    ...(deploys === undefined ? {} : { deploys }),
  });
}

function makeSpecs(dice: SeededRandom, slow: boolean): WorkflowSpec[] {
  const irreversible = dice.int(3) === 0 ? 30 : 6;
  return [0, 1].map((n) => generateWorkflow(`w${n}`, dice, { stepsMax: 8, irreversible, slow }));
}

function hasTools(house: House): boolean {
  const { engines } = house;
  const knows = (engine: Engine | undefined): boolean =>
    (engine?.registry.listTools(defaultTenant).length ?? 0) > 0;
  return engines.length > 0 && engines.every(({ engine }) => knows(engine));
}

/** At one of them; a moment later the others know it too, which nobody has promised for the same instant. */
async function register(house: House, spec: WorkflowSpec): Promise<void> {
  const { engine } = house;
  if (engine === undefined) throw new Error("no engine serves");
  const definition = definitionOf(spec);
  await drive(house.time, engine.registry.register(defaultTenant, { definition }), startMaxMs);
  if (house.isShared) await passTime(house.time, tableLagMs);
}

/** There and back: whether it arrives is the faults' business, and either way every run stays where it is. */
function deploy(house: House, specs: readonly WorkflowSpec[], n: number): void {
  const build = builds[n % builds.length];
  if (build === undefined) return;
  for (const spec of specs) {
    const definition = definitionOf(spec);
    void house.engine?.registry.register(defaultTenant, { definition, build }).catch(() => undefined);
  }
}

async function faultPhase(of: {
  house: House;
  scenario: Scenario;
  specs: readonly WorkflowSpec[];
  people: People;
  dice: SeededRandom;
}): Promise<void> {
  const { house, scenario, specs, people, dice } = of;
  const stops: (() => void)[] = [];
  const later = (ms: number, fn: () => void): void => void stops.push(house.time.after(ms, fn));
  const lengthMs = 4_000 + dice.int(8_000);
  if (scenario.rush) people.come(10 + dice.int(10), 1_000);
  else people.come(3 + dice.int(8), Math.floor(lengthMs * 0.8));
  for (let atMs = 0; scenario.faults.length > 0; ) {
    atMs += 1 + dice.int(2 * scenario.everyMs);
    if (atMs >= lengthMs) break;
    const kind = dice.pick(scenario.faults);
    if (kind !== undefined) later(atMs, () => strike(kind, { house, dice, later }));
  }
  if (scenario.deploys === true) {
    for (let n = 1; n <= 4; n++) later(Math.floor((n * lengthMs) / 5), () => deploy(house, specs, n));
  }
  await passTime(house.time, lengthMs);
  for (const stop of stops) stop();
  calm(house);
  house.trace.say("fault", "no more of them");
}

/** Until everything has ended and everybody has an answer, or nothing moves any more. */
async function quietPhase(
  house: House,
  people: People,
  { maxMs, isOver }: { readonly maxMs: number; readonly isOver: (history: History) => boolean },
): Promise<void> {
  const { time } = house;
  const until = time.now() + maxMs;
  let moved = { atMs: time.now(), commits: -1 };
  for (let pauseMs = 500; time.now() < until; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
    await passTime(time, pauseMs);
    // Asked first: who gets an answer while the log is read may have started what this reading does not show.
    const { idle } = people;
    const histories = await readHistories(house);
    people.lookAfter(histories);
    const settled = [...histories.values()].every(isOver);
    if (settled && idle && people.idle && house.engine !== undefined) return;
    const commits = [...histories.values()].reduce((sum, one) => sum + one.commits.length, 0);
    if (commits !== moved.commits) moved = { atMs: time.now(), commits };
    else if (time.now() - moved.atMs > patienceMs(house)) return;
  }
}

/** Asked at the end of a silence: a tail may be lost in the last moment of the faults. */
function patienceMs({ hadRivals, ledger }: House): number {
  return hadRivals || ledger.lostTails.length > 0 ? silentWithNudgeMaxMs : silentMaxMs;
}
