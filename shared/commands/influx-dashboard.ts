// `influx-dashboard`: puts the dashboard for operators into the Influx UI; again, it brings the same one up to date.
import { readFileSync } from 'node:fs';
import { CommandFailure, command } from './command.ts';
import { parseHttpUrl } from './options.ts';

const TEMPLATE = new URL('../../deploy/influx/dashboard.json', import.meta.url);
/** The stack that a second call finds and updates. */
const STACK_NAME = 'footfall';

type Stack = { readonly id: string };

export const influxDashboardCommand = command({
  name: 'influx-dashboard',
  argument: null,
  summary: 'put the dashboard for operators into the Influx UI',
  options: {
    influxUrl: {
      value: 'url',
      description: 'where InfluxDB answers',
      parse: parseHttpUrl,
      standard: 'http://127.0.0.1:8086',
    },
    influxToken: { value: 'token', description: 'a token that may write dashboards', parse: (text: string) => text },
    influxOrg: { value: 'name', description: 'its organization', parse: (text: string) => text, standard: 'footfall' },
  },
  run: async (_, { influxUrl, influxToken, influxOrg }, terminal) => {
    if (influxToken === undefined) throw new CommandFailure('say with --influx-token which token to use');
    const call = caller(influxUrl, influxToken);
    const { orgs = [] } = await call<{ orgs?: { id: string }[] }>(
      'GET',
      `/api/v2/orgs?org=${encodeURIComponent(influxOrg)}`,
    );
    const orgID = orgs[0]?.id;
    if (orgID === undefined)
      throw new CommandFailure(`InfluxDB has no organization ${influxOrg}, or the token may not see it`);
    const { stacks = [] } = await call<{ stacks?: Stack[] }>('GET', `/api/v2/stacks?orgID=${orgID}&name=${STACK_NAME}`);
    const stack = stacks[0] ?? (await call<Stack>('POST', '/api/v2/stacks', { orgID, name: STACK_NAME }));
    const contents = JSON.parse(readFileSync(TEMPLATE, 'utf8')) as unknown;
    const { errors = [] } = await call<{ errors?: object[] }>('POST', '/api/v2/templates/apply', {
      orgID,
      stackID: stack.id,
      template: { contentType: 'json', contents },
    });
    if (errors.length > 0) throw new CommandFailure(`InfluxDB does not take the dashboard: ${JSON.stringify(errors)}`);
    terminal.print(`the dashboard "footfall" is in the Influx UI at ${influxUrl}`);
    return 0;
  },
});

function caller(url: string, token: string) {
  return async <Answer>(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Token ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      throw new CommandFailure(`InfluxDB at ${url} cannot be reached: ${error.message}`);
    });
    const text = await response.text();
    if (!response.ok) throw new CommandFailure(`InfluxDB answers ${response.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text) as Answer;
  };
}
