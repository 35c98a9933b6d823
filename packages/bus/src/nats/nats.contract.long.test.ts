import { busContract } from "../contract/index.ts";
import { natsServerMissing } from "../contract/servers/index.ts";
import { makeNats } from "./fixtures/maker.ts";

const strict = makeNats({ logs: 4, syncInterval: "always" });

busContract("nats, 4 logs, fsync before each answer", strict, await natsServerMissing());
