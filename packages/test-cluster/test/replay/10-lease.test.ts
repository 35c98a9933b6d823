import { makeNamespace, replay } from "./story.ts";

replay({ folder: "10-lease", setUp: async (stage) => makeNamespace(stage) });
