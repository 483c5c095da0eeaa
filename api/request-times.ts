// How long requests took, by method, route and status, for whoever runs the service.
import { Buckets } from '../shared/metrics/buckets.ts';
import type { Reading } from '../shared/metrics/reading.ts';
import type { Api } from './dependencies.ts';

const NAME = 'footfall_http_request_seconds';
const HELP = 'HTTP requests, from their arrival to the end of the answer; without streams';

export class RequestTimes {
  readonly #all = new Map<string, Buckets>();

  /** Counts every request of `api`. Routes stand as they were declared, so that no id becomes a label. */
  count(api: Api): void {
    api.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none';
      // One that ends when its reader leaves tells nothing.
      if (!route.startsWith('/v1/live')) {
        this.#of(`${request.method} ${reply.statusCode} ${route}`).observe(reply.elapsedTime);
      }
      done();
    });
  }

  measure(): Reading[] {
    const values = [...this.#all].flatMap(([key, buckets]) => {
      const [method = '', status = '', route = ''] = key.split(' ');
      return buckets.values(NAME, { method, route, status });
    });
    return [{ name: NAME, help: HELP, type: 'histogram', values }];
  }

  #of(key: string): Buckets {
    let buckets = this.#all.get(key);
    if (buckets === undefined) {
      buckets = new Buckets();
      this.#all.set(key, buckets);
    }
    return buckets;
  }
}
