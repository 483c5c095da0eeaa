// A receiver of webhooks: a real HTTP server that checks every signature with the reference library, and answers as it is told.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** What it does with a request. `late`: 200, after whoever asked has stopped waiting; `busy`: 429, until an hour from now. */
export type Behaviour = 'take' | 'fail' | 'hang' | 'late' | 'redirect' | 'reset' | 'gone' | 'busy';

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every type, and fail on what is not there.
type Json = any;

export type Received = { readonly id: string; readonly type: string; readonly timestamp: string; readonly data: Json };

export type Receiver = AsyncDisposable & {
  readonly url: string;
  /** Messages answered with 2xx, in order. */
  readonly taken: Received[];
  /** What was done with each request. */
  readonly done: Behaviour[];
  /** Headers of each request. */
  readonly headers: Record<string, string>[];
  /** Requests whose signature is not by any of the secrets, or that came to another place. */
  readonly faults: string[];
  /** Signatures are checked with each of these. */
  secrets: string[];
  /** Asked for each request; default: all are taken. */
  behave: () => Behaviour;
  ofType(type: string): Received[];
};

const LATE_MS = 1_500;

export async function startReceiver(): Promise<Receiver> {
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      answer(receiver, request, response, Buffer.concat(chunks).toString());
    })().catch(() => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const taken: Received[] = [];
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hook`,
    taken,
    done: [],
    headers: [],
    faults: [],
    secrets: [],
    behave: () => 'take',
    ofType: (type) => taken.filter((message) => message.type === type),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

function answer(receiver: Receiver, request: IncomingMessage, response: ServerResponse, body: string): void {
  const headers = request.headers as Record<string, string>;
  receiver.headers.push(headers);
  if (request.url !== '/hook') receiver.faults.push(`asked for ${request.url}`);
  for (const secret of receiver.secrets) {
    try {
      new Webhook(secret).verify(body, headers);
    } catch (error) {
      receiver.faults.push(`${headers['webhook-id']}: ${(error as Error).message}`);
    }
  }
  const behaviour = receiver.behave();
  receiver.done.push(behaviour);
  const take = () => {
    receiver.taken.push({ id: String(headers['webhook-id']), ...JSON.parse(body) });
    response.writeHead(204).end();
  };
  switch (behaviour) {
    case 'take':
      return take();
    case 'fail':
      return void response.writeHead(500).end('out of order');
    case 'hang':
      return;
    case 'late':
      return void setTimeout(() => response.writeHead(200).end(), LATE_MS);
    case 'redirect':
      return void response.writeHead(307, { location: '/elsewhere' }).end();
    case 'reset':
      return void request.socket.resetAndDestroy();
    case 'busy':
      return void response.writeHead(429, { 'retry-after': '3600' }).end();
    case 'gone':
      return void response.writeHead(410).end();
  }
}
