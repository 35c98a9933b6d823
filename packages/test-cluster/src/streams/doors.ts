/** The doors to pods: logs, programs, ports. */
import type { PodDoors } from "../api/pod-doors.ts";
import { badRequest } from "../api/status.ts";
import type { Nodes } from "../pods.ts";
import { openExec } from "./exec-door.ts";
import { openForward } from "./forward-door.ts";
import { answerLog } from "./log-door.ts";

export function podDoors(nodes: Nodes): PodDoors {
  return {
    log: (call, response) => answerLog(nodes, call, response),
    plain: () => Promise.reject(badRequest("Upgrade request required")),
    upgrade(call, socket, head) {
      if (call.sub === "exec") return openExec(nodes, call, socket, head);
      if (call.sub === "portforward") return openForward(nodes, call, socket, head);
      return Promise.reject(badRequest(`this cluster does not offer ${call.sub}`));
    },
  };
}
