// What the API is built from, passed by hand, and the type of the server that its routes are added to.
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Access } from '../shared/access.ts';
import type { Clock } from '../shared/clock.ts';
import type { FloorplanService } from '../shared/floorplan-service.ts';
import type { Ingest } from '../shared/ingest.ts';
import type { Log } from '../shared/log.ts';
import type { ProcessorControl } from '../shared/processor-control.ts';
import type { CommandStore } from '../shared/storage/commands.ts';
import type { ConnectionStore } from '../shared/storage/connections.ts';
import type { CredentialStore } from '../shared/storage/credentials.ts';
import type { Storage } from '../shared/storage/open.ts';
import type { WebhookStore } from '../shared/storage/webhooks.ts';

import type { SpaceWatch } from '../shared/watch.ts';
import type { Readiness } from './readiness.ts';
import type { RequestTimes } from './request-times.ts';

export type ApiDependencies = {
  readonly access: Access;
  readonly credentials: Pick<CredentialStore, 'find' | 'keys'>;
  readonly floorplan: FloorplanService;
  readonly ingest: Ingest;
  readonly history: Storage['history'];
  readonly audit: Storage['audit'];
  readonly connections: Pick<ConnectionStore, 'find'>;
  readonly commands: Pick<CommandStore, 'queue' | 'list' | 'withdraw'>;
  readonly processor: Omit<ProcessorControl, 'close'>;
  readonly clock: Clock;
  readonly log: Log;
  /** How far `at` may lie ahead of the clock and still be answered as now. */
  readonly futureAllowedMs: number;
  /** An event recorded later than this after its timestamp is late. */
  readonly latenessAllowedMs: number;
  readonly lostAfterMs: number;
  /** Requests of one key that are answered, over 10 s. */
  readonly requestsPerS: number;
  /** Counts below this are not told to keys that may only read; null: all are told. */
  readonly suppressBelow: number | null;
  readonly watch: SpaceWatch;
  readonly requestTimes: RequestTimes;
  readonly readiness: Pick<Readiness, 'checks'>;
  readonly webhooks: {
    readonly store: WebhookStore;
    /** Those that they may call besides the public internet. */
    readonly networks: readonly string[];
    /** Whoever delivers need not find out by itself. */
    readonly changed: () => void;
  };
};

/** A fastify whose routes are typed by their zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;
