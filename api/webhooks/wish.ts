// What is asked for with a webhook: the bodies of its requests, and what they come to.
import { z } from 'zod';
import type { SpaceId } from '../../shared/ids.ts';
import { type Threshold, WEBHOOK_TYPES, type Webhook } from '../../shared/webhook.ts';
import { spaceOf } from '../lookup.ts';
import { invalidField } from '../problem.ts';
import { spaceId } from '../schemas.ts';
import type { View } from '../view.ts';
import { literalAddress, permitAddress } from './networks.ts';

const THRESHOLDS_MAX = 100;
const NAME_CHARACTERS_MAX = 200;
const SPACES_MAX = 1000;
const URL_CHARACTERS_MAX = 2000;
/** More people than there are. */
const ABOVE_MAX = 1_000_000_000;

const limit = z.number().min(0).max(ABOVE_MAX);
const threshold = z.strictObject({
  space_id: spaceId.nullish().describe('Default: each space of the webhook.'),
  of: z
    .enum(['people', 'capacity'])
    .optional()
    .describe('What the numbers are: people, or parts of the capacity such as 0.9; default people.'),
  above: limit.describe('It is crossed once a count is more than this.'),
  below: limit.optional().describe('It is over once the count is back at this or less; default: as `above`.'),
});
export const webhookBody = z.strictObject({
  url: z
    .string()
    .max(URL_CHARACTERS_MAX)
    .meta({ examples: ['https://dashboard.example/footfall'] })
    .describe('https, except in FOOTFALL_WEBHOOK_NETWORKS.'),
  types: z.array(z.enum(WEBHOOK_TYPES)).min(1).max(WEBHOOK_TYPES.length),
  name: z.string().max(NAME_CHARACTERS_MAX).optional().describe('For those who read the list.'),
  space_ids: z
    .array(spaceId)
    .min(1)
    .max(SPACES_MAX)
    .nullish()
    .describe('What it is told of; default, and null: every space that the key may see.'),
  thresholds: z.array(threshold).max(THRESHOLDS_MAX).optional(),
});
export const patchBody = webhookBody.partial().extend({
  enabled: z.boolean().optional().describe('true also takes up one that was disabled after long failure.'),
});
type Wish = Omit<z.output<typeof patchBody>, 'enabled'>;

type Asked = Pick<Webhook, 'name' | 'url' | 'types' | 'spaceIds' | 'thresholds' | 'isEnabled' | 'revision'>;
/** Of a webhook that is new. */
export const NOTHING_ASKED: Asked = {
  name: '',
  url: '',
  types: [],
  spaceIds: null,
  thresholds: [],
  isEnabled: true,
  revision: 1,
};

/** `before` with what the body asks for. Throws for what cannot be. */
export function asWished(view: View, networks: readonly string[], before: Asked, wish: Wish): Asked {
  const known = (id: SpaceId, field: string) => void spaceOf(view.plan, id, field);
  if (wish.url !== undefined) permitUrl(wish.url, networks);
  for (const [index, id] of (wish.space_ids ?? []).entries()) known(id, `body.space_ids.${index}`);
  const spaceIds = wish.space_ids === undefined ? before.spaceIds : wish.space_ids && [...new Set(wish.space_ids)];
  const asked = wish.thresholds?.map((one, index): Threshold => {
    const { space_id: ofSpace = null, of = 'people', above, below = above } = one;
    const field = `body.thresholds.${index}`;
    if (below > above) throw invalidField(`${field}.below`, 'it must not be more than `above`');
    if (ofSpace !== null) known(ofSpace, `${field}.space_id`);
    return { spaceId: ofSpace, of, above, below };
  });
  const thresholds = asked ?? before.thresholds;
  const stray = thresholds.findIndex((one) => one.spaceId !== null && spaceIds?.includes(one.spaceId) === false);
  if (stray !== -1) throw invalidField(`body.thresholds.${stray}.space_id`, 'it must be one of `space_ids`');
  const { name: called = before.name, url: to = before.url } = wish;
  const wanted = wish.types === undefined ? before.types : [...new Set(wish.types)];
  return { ...before, name: called, url: to, types: wanted, spaceIds, thresholds };
}

function permitUrl(text: string, networks: readonly string[]): void {
  const parsed = URL.parse(text);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    throw invalidField('body.url', 'an address such as https://dashboard.example/footfall');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalidField('body.url', 'without user name and password: the signature tells who sends');
  }
  const literal = literalAddress(parsed);
  try {
    if (literal !== null) permitAddress(literal, parsed.protocol === 'https:', networks);
  } catch (error) {
    throw invalidField('body.url', (error as Error).message);
  }
}
