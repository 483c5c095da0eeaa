// `count`: how many people are, or were, in a space.
import { isId } from '../ids.ts';
import { apiClient } from './api-client.ts';
import { command, WrongUse } from './command.ts';
import { keyOption, parseInstant, urlOption } from './options.ts';

type Count = {
  readonly space_id: string;
  readonly at: string;
  readonly count: number | null;
  readonly occupancy: number | null;
  readonly suppressed?: string;
};

export const countCommand = command({
  name: 'count',
  argument: { name: 'space', description: 'id of the space' },
  summary: 'print the count of a space, now or at a moment',
  options: {
    at: {
      value: 'time',
      description: 'the moment, such as 2018-02-24T08:45:21.893Z (default: now)',
      parse: parseInstant,
    },
    'known-at': {
      value: 'time',
      description: 'answer as anyone would have been told at this moment',
      parse: parseInstant,
    },
    json: { value: null, description: 'print the whole answer of the service' },
    url: urlOption,
    key: keyOption,
  },
  run: async (space, { at, 'known-at': knownAt, json, url, key }, terminal) => {
    if (!isId(space)) throw new WrongUse(`${space} is not an id: letters, digits, _ and -, at most 64`);
    const query = new URLSearchParams();
    if (at !== undefined) query.set('at', at);
    if (knownAt !== undefined) query.set('known_at', knownAt);
    const answer = await apiClient(url, key).call<Count>('GET', `/v1/spaces/${space}/count?${query}`);
    const occupancy = answer.occupancy === answer.count ? '' : `, occupancy ${answer.occupancy}`;
    const count = answer.count ?? answer.suppressed;
    terminal.print(json ? JSON.stringify(answer) : `${count}  (${answer.space_id} at ${answer.at}${occupancy})`);
    return 0;
  },
});
