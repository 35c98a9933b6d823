/** One simulated life of an installation: a function of the seed and of the code. */
import type { Bus } from "@agentflow/bus";
import { type SeededRandom, seededRandom } from "@agentflow/host/virtual";
import { check } from "./checkers/check.ts";
import { calm, strike } from "./faults/faults.ts";
import { type Scenario, scenarioNamed, scenarios } from "./faults/scenarios.ts";
import { Client } from "./house/client.ts";
import { House } from "./house/house.ts";
import { type Mutation, mutations } from "./mutations/mutations.ts";
import { People } from "./workload/people.ts";
import { generateWorkflow } from "./workload/generate.ts";
import type { WorkflowSpec } from "./workload/spec.ts";
import { register, waitUntil } from "./world/drive.ts";

export interface SimulateOptions {
  readonly seed: string | number;
  readonly scenario?: string;
  readonly mutation?: Mutation;
}

export interface Simulated {
  readonly seed: string;
  readonly scenario: string;
  /** Empty when every promise was kept. */
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly runs: number;
  readonly acts: number;
  readonly virtualMs: number;
}

const quietStepMs = 250;
/** Without a lost tail nothing may need the nudge, which comes after ten minutes. */
const quietMaxMs = 180_000;
const quietWithNudgeMaxMs = 3_600_000;

export async function simulate(options: SimulateOptions): Promise<Simulated> {
  const dice = seededRandom(`sim/${options.seed}`);
  const scenario = pickScenario(options.scenario, dice.fork("scenario"));
  const house = openHouse(scenario, options.mutation, dice);
  const specs = makeSpecs(dice.fork("workflows"));
  let faulty = true;
  const loss = (): number => (faulty ? scenario.clientLoss : 0);
  const people = new People({ house, specs, dice: dice.fork("people"), makeClient: makeClients(house, dice, loss) });
  house.open();
  const violations: string[] = [];
  const started = await waitUntil(house, () => house.engine !== undefined && hasTools(house), 30_000);
  if (started) {
    for (const spec of specs) await register(house, spec);
    await faultPhase({ house, scenario, people, dice: dice.fork("faults") });
    faulty = false;
    const max = house.ledger.lostTails.length > 0 || scenario.nudged ? quietWithNudgeMaxMs : quietMaxMs;
    await quiet(house, people, max);
    violations.push(...(await check(house, specs)));
  } else violations.push("the installation did not start");
  people.leave();
  return {
    seed: String(options.seed),
    scenario: scenario.name,
    violations,
    trace: house.trace.lines(),
    runs: house.ledger.asked.size,
    acts: house.ledger.acts.length,
    virtualMs: house.time.monotonic(),
  };
}

function pickScenario(name: string | undefined, dice: SeededRandom): Scenario {
  const picked = name === undefined ? dice.pick(scenarios) : scenarioNamed(name);
  if (picked === undefined) throw new TypeError(`there is no scenario ${name}`);
  return picked;
}

function openHouse(scenario: Scenario, mutation: Mutation | undefined, dice: SeededRandom): House {
  const engineBus = (bus: Bus): Bus => (mutation === undefined ? bus : mutations[mutation](bus));
  const { weather, skewMs } = scenario;
  const size = dice.fork("size");
  return new House({ dice, weather, skewMs, workers: 2 + size.int(2), slots: 1 + size.int(4), engineBus });
}

function makeSpecs(dice: SeededRandom): WorkflowSpec[] {
  const irreversible = dice.int(3) === 0 ? 25 : 5;
  return [0, 1].map((n) => generateWorkflow(`w${n}`, dice, { stepsMax: 8, irreversible }));
}

function makeClients(house: House, dice: SeededRandom, lossRate: () => number): (name: string) => Client {
  return (name) => new Client({ name, house, random: dice.fork(name), lossRate });
}

function hasTools(house: House): boolean {
  return (house.engine?.registry.listTools(people0).length ?? 0) > 0;
}
