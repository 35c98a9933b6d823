/** The bus as people may look at it through the API; what is put right goes through the runs' owners. */
import type { BusPeek, DeadPage, RedriveAnswer, RedriveBody } from "@agentflow/protocol";
import { DeadLetters, type DeadParts, type DeadQuery, viewOf } from "./dead-letters.ts";
import { peek, type PeekParts, type PeekQuery } from "./peek.ts";
import { redrive, type RedriveParts } from "./redrive.ts";
import type { Sight } from "./sight.ts";
import { tailBus, type TailQuery, type TailReader } from "./tail.ts";

export interface BusView {
  peek(sight: Sight, query: PeekQuery): Promise<BusPeek>;
  /** Newest first, one line a task. */
  dead(sight: Sight, query: DeadQuery): Promise<DeadPage>;
  redrive(sight: Sight, body: RedriveBody): Promise<RedriveAnswer>;
  tail(sight: Sight, of: TailQuery & TailReader): Promise<void>;
}

export function createBusView(parts: PeekParts & DeadParts & Pick<RedriveParts, "submit">): BusView {
  const dead = new DeadLetters(parts);
  return {
    peek: (sight, query) => peek(parts, sight, query),
    async dead(sight, query) {
      const { tasks, more } = await dead.find(sight, query);
      const standings = await dead.standings(tasks);
      return { items: tasks.map((task, i) => viewOf(task, standings[i] ?? { state: "unknown" })), more };
    },
    redrive: (sight, body) => redrive({ ...parts, dead }, sight, body),
    tail: (sight, of) => tailBus(parts, sight, of),
  };
}
