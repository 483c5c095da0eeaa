// The page begins here: it loads the building, follows its counts, and shows the view that the address names after #.
import { Building } from './building.ts';
import { found, write } from './element.ts';
import { wantKey } from './key-entry.ts';
import { follow, type LiveState } from './live.ts';
import { SpacePanel } from './space-panel.ts';
import { followTheme } from './theme.ts';
import { TimeMachine } from './time-machine.ts';
import { Tree } from './tree.ts';

/** Fills `element` each time it is shown; answers what to do when it is left. */
export type View = (element: HTMLElement, building: Building) => () => void;

/** Loaded when they are looked at first. */
const VIEWS: Readonly<Record<string, () => Promise<View>>> = {
  health: async () => (await import('./health.ts')).healthView,
  dpus: async () => (await import('./dpus.ts')).dpuView,
  quarantine: async () => (await import('./quarantine.ts')).quarantineView,
  recounts: async () => (await import('./recounts.ts')).recountView,
  webhooks: async () => (await import('./webhooks.ts')).webhookView,
  keys: async () => (await import('./keys.ts')).keyView,
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
  if (building.roots[0] !== undefined) write(found('building-name'), building.nameOf(building.roots[0]));
  if (view !== undefined) void showView(name, view);
  else showSpace(name === 'space' ? decodeURIComponent(id) : '');
}

async function showView(name: string, load: () => Promise<View>): Promise<void> {
  const view = await load();
  if (location.hash.slice(1) === name) leave = view(found('list'), building);
}

function showSpace(id: string): void {
  const chosen = building.spaces.has(id) ? id : building.spaces.has(panel.spaceId) ? panel.spaceId : building.roots[0];
  found('empty').hidden = chosen !== undefined || building.nowMs === 0;
  if (chosen === undefined) return;
  panel.show(chosen);
  tree.select(chosen);
  timeMachine.show(chosen);
}

/** Once there is both, the plan and the counts, whichever comes last. */
function begin(): void {
  const { dataset } = document.documentElement;
  if (dataset['ready'] === 'true' || building.spaces.size === 0 || building.counts.size === 0) return;
  dataset['ready'] = 'true';
  show();
}

building.onPlan(show);
building.onPlan(begin);
addEventListener('hashchange', show);
setInterval(() => {
  if (!document.hidden) building.loadPlan().catch(() => undefined);
}, PLAN_EVERY_MS);

show();
building.loadPlan().catch(() => undefined);
void follow({
  onCounts: (counts) => {
    building.applyLive(counts);
    if (counts.length === 0) found('empty').hidden = false;
    begin();
  },
  onState: (state) => {
    const status = found('live-state');
    status.dataset['state'] = state;
    write(status, STATE_WORDS[state]);
  },
});
