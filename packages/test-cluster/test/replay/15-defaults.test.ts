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
  notReproduced: {
    "06": "another range of addresses; the rest is compared by test/objects/transcripts.test.ts",
    "08": "the same",
    "25": "stands on a Job of another folder; compared there too",
  },
});
