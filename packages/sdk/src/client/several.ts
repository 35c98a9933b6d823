/** Several addresses of one installation as one: when one of them is gone, the next is asked. */
import { AgentFlowError } from "@agentflow/protocol";
import { refusalOf } from "./exchange.ts";
import type {
  SocketEvents,
  SocketLike,
  Transport,
  TransportRequest,
  TransportResponse,
} from "./transport.ts";
import { isUntaken } from "./untaken.ts";

/** A transport for each address, in the order in which they are asked. */
export function several(each: readonly [Transport, ...Transport[]]): Transport {
  return each.length === 1 ? each[0] : new Several(each);
}

/**
 * Stays with the address that answered, until it does not. What is asked once goes to the next one only when
 * nobody can have taken it.
 */
class Several implements Transport {
  readonly hasOthers = true;
  readonly #first: Transport;
  readonly #each: readonly Transport[];
  #at = 0;

  constructor(each: readonly [Transport, ...Transport[]]) {
    [this.#first] = each;
    this.#each = each;
  }

  request(request: TransportRequest): Promise<TransportResponse> {
    return this.#ask(request, async (transport) => {
      const response = await transport.request(request);
      // Also a proxy says so whose control plane is gone.
      if (response.status >= 502) throw refusalOf(response);
      return response;
    });
  }

  stream(request: TransportRequest): AsyncIterable<string> {
    return this.#pieces(request, (transport) => transport.stream(request));
  }

  bytes(request: TransportRequest): AsyncIterable<Uint8Array> {
    return this.#pieces(request, (transport) => transport.bytes(request));
  }

  socket(path: string, events: SocketEvents): Promise<SocketLike> {
    return this.#ask({}, (transport) => {
      const closed = (reason: string): void => {
        this.#leave(transport);
        events.closed(reason);
      };
      return transport.socket(path, { message: (text) => events.message(text), closed });
    });
  }

  sha256(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#first.sha256(bytes);
  }

  random(bytes: number): Uint8Array {
    return this.#first.random(bytes);
  }

  now(): number {
    return this.#first.now();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#first.sleep(ms, signal);
  }

  afterTurn(fn: () => void): void {
    this.#first.afterTurn(fn);
  }

  close(): void {
    for (const transport of this.#each) transport.close();
  }

  /** Each address once. Throws what the first of them said, unless another one had more to say. */
  async #ask<T>(
    request: Pick<TransportRequest, "once" | "signal">,
    ask: (transport: Transport) => Promise<T>,
  ): Promise<T> {
    const errors: AgentFlowError[] = [];
    for (const transport of this.#inOrder()) {
      try {
        return await ask(transport);
      } catch (error) {
        if (!isGone(error)) throw error;
        errors.push(error);
        // Whoever asked broke it off, not the address.
        if (request.signal?.aborted === true) break;
        this.#leave(transport);
        // It may have begun: what others did not take before it changes nothing about that.
        if (request.once === true && !isUntaken(error)) throw error;
      }
    }
    throw together(errors);
  }

  /** One that breaks later is not repeated here: only its reader knows where to go on. */
  async *#pieces<T>(
    request: TransportRequest,
    open: (transport: Transport) => AsyncIterable<T>,
  ): AsyncIterable<T> {
    const { transport, pieces, first } = await this.#ask(request, async (one) => {
      const opened = open(one)[Symbol.asyncIterator]();
      return { transport: one, pieces: opened, first: await opened.next() };
    });
    try {
      for (let next = first; next.done !== true; next = await pieces.next()) yield next.value;
    } catch (error) {
      this.#leave(transport);
      throw error;
    } finally {
      // Whoever stops reading closes the connection with it.
      await pieces.return?.();
    }
  }

  #inOrder(): readonly Transport[] {
    return [...this.#each.slice(this.#at), ...this.#each.slice(0, this.#at)];
  }

  /** Unless somebody else has left it by now. */
  #leave(transport: Transport): void {
    if (this.#each[this.#at] === transport) this.#at = (this.#at + 1) % this.#each.length;
  }
}

function isGone(error: unknown): error is AgentFlowError {
  return AgentFlowError.is(error) && error.code === "unavailable";
}

/** One that answered knows more than those that did not. */
function together(errors: readonly AgentFlowError[]): unknown {
  const [first, ...others] = errors;
  const answered = errors.find(({ reason }) => reason !== "unreachable");
  if (first === undefined || answered !== undefined || others.length === 0) return answered ?? first;
  const { code, message, reason, details, suggestions, cause } = first;
  const whole = [message, ...others.map((other) => other.message)].join("; ");
  return new AgentFlowError(code, whole, { reason, details, suggestions, cause });
}
