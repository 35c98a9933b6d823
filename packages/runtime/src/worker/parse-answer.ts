/** The door for what the owner of a run answers. */
import { AgentFlowError, type InputAnswer } from "@agentflow/protocol";

export function parseAnswer(text: string): InputAnswer {
  const answer = JSON.parse(text) as Partial<InputAnswer> | null;
  if (answer?.kind === "accepted" || answer?.kind === "refused") return answer as InputAnswer;
  throw new AgentFlowError("internal", "the owner's answer is none", {
    details: { answer: text.slice(0, 200) },
  });
}
