import { busContract } from "../contract/index.ts";
import { natsServerMissing } from "../contract/servers/index.ts";
import { makeNats } from "./fixtures/maker.ts";

busContract("nats", makeNats(), await natsServerMissing());
