import { makeLimited, makeNamespace, replay } from "./story.ts";

let limited = "";
const asLimited = ["02", "03", "06", "07"];

replay({
  folder: "03-access-review",
  async setUp(stage) {
    await makeNamespace(stage);
    limited = await makeLimited(stage);
  },
  token: async (number, stage) => (asLimited.includes(number) ? limited : stage.cluster.adminToken),
  leftOut: [
    {
      of: "*",
      paths: ["metadata.managedFields"],
      why: "reviews and requests for tokens are answered and not kept: nobody is said to own their fields",
    },
    { of: "05", paths: ["status.token"], why: "the recorder took the token out" },
  ],
});
