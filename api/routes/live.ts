// The live stream: counts and changes as they come, as Server-Sent Events and, with the same messages, over WebSocket.

import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DoorwayCoverage } from '../../shared/coverage.ts';
import { Certainties } from '../certainty.ts';
import type { Api, ApiDependencies } from '../dependencies.ts';
import { LiveFeed } from '../live/feed.ts';
import { formatId, type MessageId, madeOf, parseId, type Sent, textOf } from '../live/messages.ts';
import { type Sink, serveReader, type Wanted } from '../live/reader.ts';
import { Problem } from '../problem.ts';
import { spaceIds } from '../schemas.ts';

/** Not yet taken by the peer: more is not written before. */
const BUFFERED_BYTES_MAX = 64 * 1024;
/** A comment keeps proxies from ending a silent stream, and tells us of readers that are gone. */
const HEARTBEAT_MS = 15_000;
/** A stream that was ended, and is not taken to its end within this, is cut off. */
const END_MS = 5_000;
/** A key that was revoked ends its streams within this. */
const RECHECK_MS = 1_000;
/** WebSocket close code: the key is no longer good (RFC 6455, 7.4.1, policy violation). */
const POLICY_VIOLATION = 1008;

const EVENT_STREAM = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };

const querystring = z.strictObject({
  space_ids: spaceIds.optional(),
  last_event_id: z.string().max(1000).optional().describe('As the header Last-Event-ID, for WebSocket.'),
});
type Query = z.output<typeof querystring>;

export function liveRoutes(api: Api, dependencies: ApiDependencies): void {
  const { floorplan, history, clock, log, latenessAllowedMs } = dependencies;
  const { plan, facts } = floorplan;
  const coverage = new DoorwayCoverage(plan);
  const certainties = new Certainties({ ...dependencies, plan, coverage, rules: dependencies });
  const sources = { plan, facts, history, clock, log, latenessAllowedMs, certainties };
  const feed = new LiveFeed(sources);
  const open = new Set<AbortController>();
  api.addHook('preClose', async () => {
    feed.close();
    for (const reader of open) reader.abort();
  });

  const serve = async (request: FastifyRequest, sink: Sink, reader: AbortController): Promise<void> => {
    open.add(reader);
    const check = setInterval(() => void endIfRevoked(dependencies, request, reader), RECHECK_MS);
    try {
      const after = lastEventId(request);
      await serveReader({ feed, sources, wanted: wantedOf(request), after, sink, signal: reader.signal });
    } catch (error) {
      if (!reader.signal.aborted) log.warn({ err: error }, 'a live stream ended; its reader comes back');
    } finally {
      clearInterval(check);
      open.delete(reader);
      reader.abort();
    }
  };

  api.route({
    method: 'GET',
    url: '/v1/live',
    config: { confinement: 'view' },
    schema: {
      tags: ['counts'],
      summary: 'Counts and changes as they come: Server-Sent Events, or a WebSocket with the same messages',
      querystring,
      response: {
        200: {
          description: 'Server-Sent Events: `data` is a message as JSON, `id` its place, for Last-Event-ID',
          content: { 'text/event-stream': { schema: z.any() } },
        },
      },
    },
    handler: async (request, reply) => {
      lastEventId(request);
      if (request.method === 'HEAD') return reply.headers(EVENT_STREAM).send();
      const reader = new AbortController();
      // Written to as it is: a thousand streams, each through a pipe of its own, would cost more than what goes through them.
      reply.hijack();
      const stream = reply.raw;
      stream.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...EVENT_STREAM });
      // Whoever reads no more must not hold the end back, nor be written to after it.
      stream.on('error', () => stream.destroy());
      stream.on('close', () => reader.abort());
      const heartbeat = setInterval(() => stream.writableNeedDrain || stream.write(':\n\n'), HEARTBEAT_MS);
      const end = () => {
        clearInterval(heartbeat);
        stream.end();
        setTimeout(() => stream.destroy(), END_MS).unref();
      };
      reader.signal.addEventListener('abort', end, { once: true });
      // It may have gone before anybody listened.
      if (stream.destroyed) return reader.abort();
      stream.write(':\n\n');
      void serve(request, sinkOf(stream, reader.signal), reader);
    },
    wsHandler: (socket, request) => {
      const reader = new AbortController();
      socket.on('close', () => reader.abort());
      socket.on('error', () => socket.terminate());
      reader.signal.addEventListener('abort', () => socket.close(POLICY_VIOLATION), { once: true });
      const heartbeat = setInterval(() => socket.ping(), HEARTBEAT_MS);
      reader.signal.addEventListener('abort', () => clearInterval(heartbeat), { once: true });
      if (socket.readyState !== socket.OPEN) return reader.abort();
      void serve(request, webSocketSink(socket), reader);
    },
  });
}

function sinkOf(stream: ServerResponse, signal: AbortSignal): Sink {
  return {
    write: (batch) => {
      stream.write(madeOf(batch, 'sse', eventsOf));
      return stream.writableLength < BUFFERED_BYTES_MAX;
    },
    drained: async () => {
      await once(stream, 'drain', { signal }).catch(() => undefined);
    },
  };
}

function eventsOf(messages: readonly Sent[]): Buffer {
  return Buffer.from(messages.map((each) => `id: ${formatId(each.id)}\ndata: ${textOf(each)}\n\n`).join(''));
}

function webSocketSink(socket: WebSocket): Sink {
  let written: () => void = () => {};
  socket.once('close', () => written());
  return {
    write: (batch) => {
      for (const text of madeOf(batch, 'texts', textsOf)) socket.send(text, () => written());
      return socket.bufferedAmount < BUFFERED_BYTES_MAX;
    },
    drained: () =>
      new Promise((resolve) => {
        written = () => {
          if (socket.bufferedAmount < BUFFERED_BYTES_MAX || socket.readyState !== socket.OPEN) resolve();
        };
        written();
      }),
  };
}

function textsOf(messages: readonly Sent[]): string[] {
  return messages.map(textOf);
}

/** Throws invalid_cursor for what is no id of a message. */
function lastEventId(request: FastifyRequest): MessageId | null {
  const header = request.headers['last-event-id'];
  const text = (Array.isArray(header) ? header[0] : header) ?? (request.query as Query).last_event_id;
  if (text === undefined || text === '') return null;
  const id = parseId(text);
  if (id === null) throw new Problem('invalid_cursor', 'come back with the id of the last message, or without one');
  return id;
}

/** The spaces that the request's key may see, of those asked for; looked up whenever it is asked. */
function wantedOf(request: FastifyRequest): Wanted {
  const { space_ids: ids } = request.query as Query;
  const asked = ids === undefined ? null : new Set(ids);
  const spaces = () => request.view.plan.spaces;
  return {
    asked,
    isAll: () => asked === null && request.view.within === null,
    has: (spaceId) => spaces().has(spaceId) && (asked === null || asked.has(spaceId)),
    list: () => [...(asked ?? spaces().keys())].filter((spaceId) => spaces().has(spaceId)),
  };
}

async function endIfRevoked(
  { access }: Pick<ApiDependencies, 'access'>,
  { identity, headers }: FastifyRequest,
  reader: AbortController,
): Promise<void> {
  // What cannot be checked now is checked again.
  const isOpen = await access.isOpen().catch(() => true);
  if (identity === null) return isOpen ? undefined : reader.abort();
  const key = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  const now = await access.authenticateKey(key).catch(() => identity);
  if (now === null) reader.abort();
}
