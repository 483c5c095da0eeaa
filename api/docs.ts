// The page at /docs: the OpenAPI document made readable, with everything it needs from this service itself.
import swaggerUi from '@fastify/swagger-ui';
import type { Api } from './dependencies.ts';

/** Its icons are data URLs, and it styles its own elements; scripts come as files, as everywhere. */
const POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

export function serveDocs(app: Api): void {
  app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'nobody', confinement: 'no_space' };
    });
    scope.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: POLICY,
      theme: { title: 'footfall: HTTP API' },
      uiConfig: { deepLinking: true, displayRequestDuration: true, docExpansion: 'list', validatorUrl: null },
    });
  });
}
