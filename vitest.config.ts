// Runs every test file; files run in parallel forks because the tests start real servers and processes.
import { defineConfig } from 'vitest/config';
import { whyNoInflux, whyNoRedis } from './test/support/servers.ts';

/** What goes in by MQTT or HTTP and comes out by HTTP is the same on every back-end. */
const ON_BOTH = [
  'test/property/*.test.ts',
  'test/e2e/http-*.test.ts',
  'test/e2e/mqtt-{service,gateway,topics}.test.ts',
  'test/fault/{commands,live}-kill.test.ts',
  'test/e2e/cli-{real-data,replay}.test.ts',
];

/** What there is to test only where the servers are apart. */
const ON_SERVERS = ['test/fault/servers*.test.ts', 'test/e2e/influx-*.test.ts'];

/** Why these tests cannot run on this machine; null: they can. */
const missing = whyNoRedis() ?? whyNoInflux();

const shared = { pool: 'forks', testTimeout: 30_000, hookTimeout: 30_000 } as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: 'embedded',
          include: ['test/**/*.test.ts'],
          exclude: [...ON_SERVERS, 'test/support/**'],
        },
      },
      {
        test: {
          ...shared,
          name: 'influx-redis',
          include: missing === null ? [...ON_BOTH, ...ON_SERVERS] : ['test/support/no-servers.test.ts'],
          env: { FOOTFALL_TEST_STORAGE: 'influx-redis' },
        },
      },
    ],
  },
});
