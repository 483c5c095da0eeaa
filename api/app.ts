// The HTTP application: a fastify with every route and no port. A request runs through it like this:
//
//   authenticate ──▶ parse JSON ──▶ validate (zod) ──▶ handler ──▶ JSON ──▶ ETag ──▶ answer
//       └──────────────┴───────────────┴── throws ──▶ problemOf ──▶ application/problem+json
import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import etag from '@fastify/etag';
import helmet from '@fastify/helmet';
import websocket from '@fastify/websocket';
import fastify, { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { auditRequests } from './audit.ts';
import { authenticateRequests } from './authentication.ts';
import { badHttp } from './bad-http.ts';
import { confineRequests } from './confinement.ts';
import type { Api, ApiDependencies } from './dependencies.ts';
import { serveDocs } from './docs.ts';
import { DryRunDone } from './dry-run.ts';
import { negotiateExports } from './export.ts';
import { describeApi, describeRoute } from './openapi.ts';
import { Problem, problemBody, problemOf } from './problem.ts';
import { tellOfRecounts } from './recount-notice.ts';
import { auditRoutes } from './routes/audit.ts';
import { changeRoutes } from './routes/changes.ts';
import { commandRoutes } from './routes/commands.ts';
import { countRoutes } from './routes/counts.ts';
import { doorwayRoutes } from './routes/doorways.ts';
import { dpuRoutes } from './routes/dpus.ts';
import { driftRoutes } from './routes/drift.ts';
import { eventRoutes } from './routes/events.ts';
import { floorplanRoutes } from './routes/floorplan.ts';
import { healthRoutes } from './routes/health.ts';
import { keyRoutes } from './routes/keys.ts';
import { liveRoutes } from './routes/live.ts';
import { outageRoutes, resetRoutes, voidRoutes } from './routes/marks.ts';
import { operationRoutes } from './routes/operations.ts';
import { pageRoutes } from './routes/page.ts';
import { pastRoutes } from './routes/past.ts';
import { placementRoutes } from './routes/placements.ts';
import { quarantineRoutes } from './routes/quarantine.ts';
import { secretRoutes } from './routes/secrets.ts';
import { seriesRoutes } from './routes/series.ts';
import { spaceRoutes } from './routes/spaces.ts';
import { statusRoutes } from './routes/status.ts';
import { webhookDeliveryRoutes } from './routes/webhook-deliveries.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { suppressAnswers } from './suppression.ts';
import { serializeAnswer, validateRequest } from './validation.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it came; null when there is none. */
    bodyBytes: Buffer | null;
  }
}

/** Of bodies, unless the route says otherwise (RELIABILITY: events 1 MB, floor plan 64 MB). */
const BODY_BYTES_MAX = 64 * 1024;
/** For a request to arrive whole. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Readers of streams say nothing. */
const WEBSOCKET_MESSAGE_BYTES_MAX = 1024;
/** Longer than any line that node takes, so that an id that is too long gets its own message. */
const PARAM_CHARACTERS_MAX = 64 * 1024;

const ROUTES = [
  spaceRoutes,
  doorwayRoutes,
  dpuRoutes,
  statusRoutes,
  commandRoutes,
  placementRoutes,
  voidRoutes,
  outageRoutes,
  resetRoutes,
  floorplanRoutes,
  countRoutes,
  seriesRoutes,
  pastRoutes,
  driftRoutes,
  changeRoutes,
  liveRoutes,
  healthRoutes,
  eventRoutes,
  quarantineRoutes,
  keyRoutes,
  auditRoutes,
  secretRoutes,
  webhookRoutes,
  webhookDeliveryRoutes,
  operationRoutes,
  pageRoutes,
];

/** Every route of the service; nothing listens yet. `upgrades` emits `upgrade` for what asks to become a WebSocket. */
export function buildApp(dependencies: ApiDependencies, upgrades: EventEmitter = new EventEmitter()): Api {
  const app = fastify({
    loggerInstance: dependencies.log,
    logController: new LogController({ disableRequestLogging: true }),
    // A request that comes while the service stops is answered like any other, and its connection closed.
    return503OnClosing: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: PARAM_CHARACTERS_MAX },
    frameworkErrors: sendProblem,
    clientErrorHandler: badHttp,
  }) as unknown as Api;
  app.setValidatorCompiler(validateRequest);
  app.setSerializerCompiler(serializeAnswer);
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw new Problem(
      'route_not_found',
      `${request.method} ${request.url.split('?')[0]} is not one; see /openapi.json`,
    );
  });
  parseJsonOnly(app);
  app.addHook('onRequest', (_, reply, done) => {
    // Everything may be stored but nothing used again without asking: late events change the past.
    reply.header('cache-control', 'no-cache');
    done();
  });
  secure(app);
  authenticateRequests(app, dependencies.access, dependencies.requestsPerS);
  suppressAnswers(app, dependencies.suppressBelow);
  confineRequests(app, dependencies.floorplan.plan, dependencies.clock);
  tellOfRecounts(app, dependencies);
  app.addHook('onRoute', describeRoute);
  describeApi(app);
  serveDocs(app);
  auditRequests(app, dependencies);
  dependencies.requestTimes.count(app);
  negotiateExports(app);
  app.register(etag);
  const server = upgrades as Server;
  app.register(websocket, { options: { server, maxPayload: WEBSOCKET_MESSAGE_BYTES_MAX } });
  app.register(async (scope) => {
    for (const addRoutes of ROUTES) addRoutes(scope as Api, dependencies);
  });
  return app;
}

/** Headers that tell browsers what the pages may do: nothing with other origins, and no inline scripts. CORS stays off. */
function secure(app: Api): void {
  app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
      },
    },
    // TLS, if there is any, ends before the service: whoever ends it says so.
    strictTransportSecurity: false,
  });
}

function parseJsonOnly(app: Api): void {
  app.decorateRequest('bodyBytes', null);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(/^application\/([\w.+-]+\+)?json\b/, { parseAs: 'buffer' }, (request, body, done) => {
    request.bodyBytes = body as Buffer;
    if (body.length === 0) return done(null, undefined);
    try {
      done(null, JSON.parse(body.toString()));
    } catch (error) {
      done(new Problem('invalid_json', `send JSON: ${(error as Error).message}`));
    }
  });
}

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (error instanceof DryRunDone) {
    reply.code(200).header('content-type', 'application/json; charset=utf-8');
    reply.send(Buffer.from(JSON.stringify(error.answer)));
    return;
  }
  const problem = problemOf(error);
  const about = { code: problem.code, method: request.method, url: request.url };
  if (problem.code === 'internal_error') request.log.error({ ...about, err: error }, 'request failed');
  else if (problem.status >= 500) request.log.warn({ ...about, detail: problem.message }, 'request refused');
  else request.log.debug({ ...about, detail: problem.message }, 'request refused');
  if (problem.retryAfterS !== null) reply.header('retry-after', problem.retryAfterS);
  reply.code(problem.status).header('content-type', 'application/problem+json');
  // As bytes, because fastify adds a charset to text, which this media type does not have.
  reply.send(Buffer.from(JSON.stringify(problemBody(problem))));
}
