// Routes of the page: `/` and the files that it is made of. Open to everybody: what it shows it asks the API for, with a key.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Api } from '../dependencies.ts';
import { encodingOf, pageFiles } from '../page-files.ts';
import { Problem } from '../problem.ts';

export function pageRoutes(api: Api): void {
  const config = { scope: 'nobody', confinement: 'no_space' } as const;
  api.get('/', { config, schema: { hide: true } }, (request, reply) => send('index.html', request, reply));
  const params = z.strictObject({ file: z.string().max(100) });
  api.get('/page/:file', { config, schema: { hide: true, params } }, (request, reply) =>
    send(request.params.file, request, reply),
  );
}

async function send(name: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const file = (await pageFiles()).get(name);
  if (file === undefined) throw new Problem('route_not_found', `the page has no file ${name}`);
  const encoding = encodingOf(request.headers['accept-encoding']);
  if (encoding !== 'identity') reply.header('content-encoding', encoding);
  reply.header('vary', 'accept-encoding').header('etag', `"${file.tag}-${encoding}"`).type(file.type);
  return reply.send(Buffer.from(file.bytes[encoding]));
}
