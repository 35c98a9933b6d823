import { busContract } from "../contract/index.ts";
import { makeHere } from "./fixtures/makers.ts";

busContract("embedded, thread writer", makeHere("thread"));
