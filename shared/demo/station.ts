// The building of the demo: a railway station by a harbour, whose spaces, doors and sensors are the same at every start.
import type { Change } from '../fact.ts';
import type { DoorwayId, DpuId, PlacementId, SpaceId } from '../ids.ts';

/** A space that people can stand in; null: outside. */
export type Place = string | null;

/** Its DPU faces `to`: a +1 is a person going from `from` to `to`. */
export type Door = { readonly id: string; readonly name: string; readonly to: string; readonly from: Place };

type SpaceRow = readonly [id: string, name: string, parentId: string | null, capacity: number];

export const STATION = 'station';

const SPACES: readonly SpaceRow[] = [
  [STATION, 'Harbour Station', null, 220],
  ['ground', 'Ground floor', STATION, 110],
  ['hall', 'Main hall', 'ground', 60],
  ['bakery', 'Bakery', 'ground', 12],
  ['bookshop', 'Bookshop', 'ground', 16],
  ['cafe', 'Café Pier 7', 'ground', 32],
  ['tickets', 'Ticket office', 'ground', 14],
  ['lockers', 'Lockers', 'ground', 10],
  ['tracks', 'Tracks', STATION, 80],
  ['underpass', 'Underpass', 'tracks', 30],
  ['waiting', 'Waiting room', 'tracks', 20],
  ['platform-1', 'Platform 1', 'tracks', 30],
  ['platform-2', 'Platform 2', 'tracks', 30],
  ['platform-3', 'Platform 3', 'tracks', 30],
  ['platform-4', 'Platform 4', 'tracks', 30],
  ['upper', 'Upper floor', STATION, 90],
  ['gallery', 'Gallery', 'upper', 20],
  ['lounge', 'Lounge', 'upper', 16],
  ['coworking', 'Co-working', 'upper', 40],
  ['meeting-1', 'Meeting room 1', 'upper', 16],
  ['meeting-2', 'Meeting room 2', 'upper', 16],
];

type DoorRow = readonly [id: string, name: string, to: string, from: Place];

const DOOR_ROWS: readonly DoorRow[] = [
  ['gate-north', 'North gate', 'hall', null],
  ['gate-south', 'South gate', 'hall', null],
  ['gate-harbour', 'Harbour gate', 'hall', null],
  ['bakery', 'Bakery door', 'bakery', 'hall'],
  ['bookshop', 'Bookshop door', 'bookshop', 'hall'],
  ['cafe', 'Café door', 'cafe', 'hall'],
  ['terrace', 'Café terrace', 'cafe', null],
  ['tickets', 'Ticket office door', 'tickets', 'hall'],
  ['lockers', 'Lockers door', 'lockers', 'hall'],
  ['underpass-stairs', 'Stairs to the underpass', 'underpass', 'hall'],
  ['underpass-lift', 'Lift to the underpass', 'underpass', 'hall'],
  ['waiting', 'Waiting room door', 'waiting', 'underpass'],
  ...['1', '2', '3', '4'].flatMap((number): DoorRow[] => [
    [`stairs-${number}`, `Stairs to platform ${number}`, `platform-${number}`, 'underpass'],
    [`trains-${number}`, `Trains at platform ${number}`, `platform-${number}`, null],
  ]),
  ['gallery-stairs', 'Stairs to the gallery', 'gallery', 'hall'],
  ['gallery-lift', 'Lift to the gallery', 'gallery', 'hall'],
  ['lounge', 'Lounge door', 'lounge', 'gallery'],
  ['coworking', 'Co-working door', 'coworking', 'gallery'],
  ['meeting-1', 'Door of meeting room 1', 'meeting-1', 'gallery'],
  ['meeting-2', 'Door of meeting room 2', 'meeting-2', 'gallery'],
  ['meeting-2-side', 'Side door of meeting room 2', 'meeting-2', 'coworking'],
];

export const DOORS: readonly Door[] = DOOR_ROWS.map(([id, name, to, from]) => ({ id, name, to, from }));
export const SPACE_IDS: readonly string[] = SPACES.map(([id]) => id);

/** The sensor above a door. */
export function dpuOf(doorId: string): DpuId {
  return `dpu-${doorId}` as DpuId;
}

/** The spaces that somebody at `place` is in: it, and all above it. */
export function spacesAround(place: Place): string[] {
  const around: string[] = [];
  for (let id = place; id !== null; id = SPACES.find(([one]) => one === id)?.[2] ?? null) around.push(id);
  return around;
}

/** The station as facts, for an empty floor plan. */
export function stationChanges(timeZone: string): Change[] {
  const sinceEver = { fromMs: null, untilMs: null } as const;
  const spaces = SPACES.flatMap(([id, name, parentId, capacity]): Change[] => [
    { kind: 'space', id: id as SpaceId, name, capacity, retiredAtMs: null },
    {
      kind: 'space_version',
      id: id as SpaceId,
      fromMs: null,
      parentId: parentId as SpaceId | null,
      timeZone,
      dailyReset: null,
    },
  ]);
  const doors = DOORS.flatMap(({ id, name, to, from }): Change[] => {
    const [dpuId, doorwayId] = [dpuOf(id), id as DoorwayId];
    return [
      { kind: 'doorway', id: doorwayId, name, retiredAtMs: null },
      { kind: 'doorway_version', id: doorwayId, fromMs: null, a: to as SpaceId, b: from as SpaceId | null },
      { kind: 'dpu', id: dpuId, name: `Sensor, ${name.toLowerCase()}`, retiredAtMs: null },
      { kind: 'placement', id: `${dpuId}-first` as PlacementId, dpuId, doorwayId, facing: 'a', ...sinceEver },
    ];
  });
  return [...spaces, ...doors];
}
