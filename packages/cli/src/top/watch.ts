/** The live screen: looks each so often, draws what it saw, and goes on when the installation is back. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Client } from "@agentflow/sdk/client";
import { openFullScreen } from "../screen/full-screen.ts";
import type { ContainerWatch } from "./containers.ts";
import { type Frame, frameOf, type Shown } from "./frame.ts";
import { firstLook, type Looking, press, type View } from "./model.ts";
import { RateKeeper } from "./rates.ts";

export interface Watching {
  readonly client: Client;
  readonly containers: ContainerWatch | undefined;
  readonly where: string;
  readonly intervalMs: number;
  readonly noColor: boolean;
  readonly view: View;
}

/** How many runs the view of runs asks for. */
const runsMax = 100;

/** Resolves when the person leaves. */
export async function watchTop(of: Watching): Promise<void> {
  const { where, intervalMs } = of;
  let looking: Looking = { ...firstLook, view: of.view };
  let shown: Shown = { where, intervalMs, nowMs: Date.now() };
  const draw = (): Frame => {
    const drawn = frameOf(shown, looking, screen.size);
    screen.draw(drawn.lines);
    return drawn;
  };
  const looks = new Looks(of);
  const screen = openFullScreen(of, {
    onKey(key) {
      const next = press(looking, key, frame.sight);
      if (next === undefined) return screen.leave();
      const isOther = next.view !== looking.view;
      looking = next;
      frame = draw();
      // What only another view shows is asked for at once.
      if (isOther && !looking.paused) void look();
    },
    onResize: () => void (frame = draw()),
  });
  let frame = draw();
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    shown = await looks.next(shown, looking.view);
    isLooking = false;
    frame = draw();
  };
  const timer = setInterval(() => {
    if (!looking.paused) void look();
  }, intervalMs);
  void look();
  await screen.left;
  clearInterval(timer);
}

/** One look after the other: what is known stays when nobody answers. */
export class Looks {
  private readonly of: Pick<Watching, "client" | "containers">;
  private readonly rates = new RateKeeper();

  constructor(of: Pick<Watching, "client" | "containers">) {
    this.of = of;
  }

  async next(before: Shown, view: View): Promise<Shown> {
    const { client } = this.of;
    const { lost, ...known } = before;
    try {
      const [top, runs, containers] = await Promise.all([
        client.top(),
        view === "runs" ? client.runs.list({ status: "running", limit: runsMax }) : undefined,
        // An engine that does not answer hides nothing of the rest.
        view === "containers" ? this.of.containers?.look().catch(() => undefined) : undefined,
      ]);
      return {
        ...known,
        view: this.rates.next(top),
        ...(runs === undefined ? {} : { runs: runs.runs }),
        ...(containers === undefined ? {} : { containers }),
        nowMs: Date.now(),
      };
    } catch (error) {
      const { message } = AgentFlowError.from(error, "asking the installation");
      const nowMs = Date.now();
      return { ...known, lost: { sinceMs: lost?.sinceMs ?? nowMs, message }, nowMs };
    }
  }
}
