// Moving a sensor: where to and since when; then what that would change, drawn before anything is changed; then the move.
import type { Building } from './building.ts';
import { announce, openDialog, wordsOf } from './dialog.ts';
import { differenceOf } from './difference.ts';
import { placementNow } from './dpus.ts';
import { make, replace } from './element.ts';
import { ask } from './service.ts';
import type { Dpu, DryRun, Floorplan, Recount } from './shapes.ts';
import { plural } from './words.ts';
import { inputMs, inputText } from './zone.ts';

type Move = {
  readonly doorway_id: string;
  readonly facing: string;
  readonly from: number;
  readonly until: number | null;
};

/** `onMoved` is called once it is done. */
export function openMove(building: Building, plan: Floorplan, dpu: Dpu, onMoved: () => void): void {
  const zone = building.zoneOf(null);
  const dialog = openDialog(`Move ${dpu.name}`);
  const placed = placementNow(dpu, building.nowMs);
  const doorways = plan.doorways.filter(({ retired_at }) => (retired_at ?? null) === null);
  const options = doorways.map(({ id, name }) =>
    make('option', { value: id, selected: id === placed?.doorway_id }, name),
  );
  const doorway = make('select', { id: 'move-doorway' }, ...options);
  const facing = make('select', { id: 'move-facing' });
  const now = inputText(building.nowMs - (building.nowMs % 60_000), zone);
  const from = make('input', { id: 'move-from', type: 'datetime-local', step: '1', required: true, value: now });
  const until = make('input', { id: 'move-until', type: 'datetime-local', step: '1' });
  const outcome = make('div', { class: 'outcome', 'aria-live': 'polite' });
  const writeSides = () => {
    const chosen = doorways.find(({ id }) => id === doorway.value);
    const side = (value: 'a' | 'b', id: string | null) => make('option', { value }, building.nameOf(id));
    replace(facing, side('a', chosen?.a ?? null), side('b', chosen?.b ?? null));
    if (chosen?.id === placed?.doorway_id) facing.value = placed?.facing ?? 'a';
  };
  const moveOf = (): Move => ({
    doorway_id: doorway.value,
    facing: facing.value,
    from: inputMs(from.value, zone) ?? building.nowMs,
    until: until.value === '' ? null : inputMs(until.value, zone),
  });
  const path = `/v1/dpus/${dpu.id}/placements`;
  const tryIt = async (event: Event) => {
    event.preventDefault();
    dialog.complain('');
    const move = moveOf();
    replace(outcome, make('p', { class: 'soft' }, 'Counting…'));
    try {
      const dry = await ask<DryRun>('POST', `${path}?dry_run=true`, move);
      const confirm = make('button', { type: 'button', class: 'primary', onclick: () => void moveIt(move) }, 'Move it');
      replace(outcome, ...wordsAbout(dry, building), confirm);
      confirm.focus();
    } catch (error) {
      replace(outcome);
      dialog.complain(wordsOf(error));
    }
  };
  const moveIt = async (move: Move) => {
    try {
      const { recount } = await ask<{ recount?: Recount }>('POST', path, move);
      dialog.close();
      announce(`${dpu.name} has been moved.`);
      if (recount?.status === 'running') location.hash = '#recounts';
      else onMoved();
    } catch (error) {
      dialog.complain(wordsOf(error));
    }
  };
  const field = (label: string, input: HTMLElement) =>
    make('div', { class: 'field' }, make('label', { for: input.id }, label), input);
  doorway.addEventListener('change', writeSides);
  writeSides();
  const form = make(
    'form',
    { onsubmit: (event: Event) => void tryIt(event), oninput: () => replace(outcome) },
    field('To the doorway', doorway),
    field('A +1 goes to', facing),
    field('Since', from),
    field('Until, if it came back', until),
    make('button', { type: 'submit' }, 'See what it changes'),
  );
  replace(dialog.body, form, outcome);
  doorway.focus();
}

function wordsAbout({ spaces, events }: DryRun, building: Building): Node[] {
  if (spaces.length === 0)
    return [make('p', {}, `No count changes; ${plural(events, 'event')} would be counted again.`)];
  const words = `${plural(events, 'event')} would be counted again, which changes ${plural(spaces.length, 'space')}:`;
  return [make('p', {}, words), ...spaces.map((difference) => differenceOf(difference, building))];
}
