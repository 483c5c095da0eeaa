// Runs in place of the tests on Redis and InfluxDB on a machine that has none, and says so.
import { test } from 'vitest';
import { whyNoInflux, whyNoRedis } from './servers.ts';

const reason = [whyNoRedis(), whyNoInflux()].filter((why) => why !== null).join('; ');
process.stdout.write(`not run: everything on Redis and InfluxDB: ${reason}\n`);

test.skip(`everything on Redis and InfluxDB: ${reason}`, () => undefined);
