// The page begins here: it loads the building, follows its counts, and shows the view that the address names after #.
import { Building } from './building.ts';
import { dpuView } from './dpus.ts';
import { found, write } from './element.ts';
import { healthView } from './health.ts';
import { wantKey } from './key-entry.ts';
import { keyView } from './keys.ts';
import { follow, type LiveState } from './live.ts';
import { quarantineView } from './quarantine.ts';
import { recountView } from './recounts.ts';
import { SpacePanel } from './space-panel.ts';
import { followTheme } from './theme.ts';
import { TimeMachine } from './time-machine.ts';
import { Tree } from './tree.ts';

/** Fills `element` each time it is shown; answers what to do when it is left. */
export type View = (element: HTMLElement, building: Building) => () => void;

const VIEWS: Readonly<Record<string, View>> = {
  health: healthView,
  dpus: dpuView,
  quarantine: quarantineView,
  recounts: recountView,
  keys: keyView,
};
const STATE_WORDS: Readonly<Record<LiveState, string>> = {
  stream: 'Live',
  asking: 'Live, each second',
  away: 'The service is away; trying again',
};
/** Floor plans change rarely. */
const PLAN_EVERY_MS = 30_000;

const building = new Building();
wantKey();
const panel = new SpacePanel(found('panel'), building, () => {
  location.hash = '#building';
});
const tree = new Tree(found('tree'), building, (id) => {
  location.hash = `#space/${id}`;
});
const timeMachine = new TimeMachine(building);
followTheme(() => panel.redraw());
let leave: () => void = () => undefined;

/** `#space/hall`, `#health`, or nothing for the building. */
function show(): void {
  const [name = '', id = ''] = location.hash.slice(1).split('/');
  const view = VIEWS[name];
  leave();
  leave = () => undefined;
  document.documentElement.dataset['view'] = view !== undefined ? 'list' : name === 'space' ? 'space' : 'building';
  for (const link of document.querySelectorAll('header nav a')) {
    const isHere = link.getAttribute('href') === `#${view === undefined ? 'building' : name}`;
    if (isHere) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (view !== undefined) leave = view(found('list'), building);
  else showSpace(name === 'space' ? decodeURIComponent(id) : '');
}

function showSpace(id: string): void {
  const chosen = building.spaces.has(id) ? id : building.spaces.has(panel.spaceId) ? panel.spaceId : building.roots[0];
  found('empty').hidden = chosen !== undefined || building.nowMs === 0;
  if (chosen === undefined) return;
  panel.show(chosen);
  tree.select(chosen);
  timeMachine.show(chosen);
  write(found('building-name'), building.nameOf(building.roots[0] ?? null));
}

building.onPlan(show);
addEventListener('hashchange', show);
setInterval(() => {
  if (!document.hidden) building.loadPlan().catch(() => undefined);
}, PLAN_EVERY_MS);

show();
await building.loadPlan().catch(() => undefined);
void follow({
  onCounts: (counts) => {
    const isFirst = building.nowMs === 0;
    building.applyLive(counts);
    if (counts.length === 0) found('empty').hidden = false;
    if (isFirst && counts.length > 0) {
      show();
      document.documentElement.dataset['ready'] = 'true';
    }
  },
  onState: (state) => {
    const status = found('live-state');
    status.dataset['state'] = state;
    write(status, STATE_WORDS[state]);
  },
});
