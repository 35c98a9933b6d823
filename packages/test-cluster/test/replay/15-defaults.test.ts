import { makeNamespace, replay } from "./story.ts";

replay({
  folder: "15-defaults",
  setUp: async (stage) => {
    await makeNamespace(stage);
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    await stage.ask("POST", "/apis/storage.k8s.io/v1/storageclasses", {
      metadata: { name: "local-path", annotations },
      provisioner: "rancher.io/local-path",
    });
  },
  before: {
    // The Job that is changed was applied in another folder, with a label on its pods.
    "25": async (stage) => {
      const containers = [{ name: "main", image: "bb:1", command: ["/bin/true"] }];
      const template = {
        metadata: { labels: { app: "jobok" } },
        spec: { restartPolicy: "Never", containers },
      };
      const job = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "jobok" }, spec: { template } };
      const path = "/apis/batch/v1/namespaces/af-demo/jobs/jobok?fieldManager=agentflow";
      await stage.ask("PATCH", path, job, "application/apply-patch+yaml");
    },
  },
  leftOut: [
    {
      of: "25",
      paths: ["message", "details.causes[].message"],
      why: "it quotes the template in the order of Go structs; all other fields of each cause are compared",
    },
  ],
});
