// A broker worker: MQTT doors in a process of its own. Its primary starts it, tells it where to listen, and replaces it.
import type { Claims } from '../shared/claims.ts';
import { openBrokerCore } from '../shared/core.ts';
import { counter, gauge, type Measure, type Reading } from '../shared/metrics/reading.ts';
import { type Boards, NoticeBoard, type Source } from '../shared/notices.ts';
import { configure } from '../shared/service-configuration.ts';
import { dependenciesOf, startBroker } from './start.ts';
import type { ToPrimary, ToWorker } from './worker-messages.ts';

const { config, log: root } = configure();
// The primary decides; a signal to the process group reaches everybody. Without its primary a worker ends by itself.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);

const tell = (message: ToPrimary): void => void process.send?.(message);
let onClaimed: Parameters<Claims['follow']>[0] = () => undefined;
const throughPrimary: Claims = {
  claim: (clientIds) => tell({ kind: 'claim', clientIds }),
  follow: (callback) => {
    onClaimed = callback;
  },
};
const putOn = new Map<keyof Boards, Parameters<Source>[0]>();
const boardOf = (board: keyof Boards): NoticeBoard =>
  new NoticeBoard((put, signal) => {
    putOn.set(board, put);
    tell({ kind: 'follow', board });
    signal.addEventListener('abort', () => tell({ kind: 'unfollow', board }), { once: true });
  });
const boards: Boards = { counts: boardOf('counts'), statuses: boardOf('statuses') };
let stop: () => Promise<void> = async () => undefined;
let refresh: () => void = () => undefined;
let measure: Measure = async () => [];

process.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'start':
      start(message).catch(fail);
      break;
    case 'claimed':
      for (const { clientIds, isOwn } of message.claimed) onClaimed(clientIds, isOwn);
      break;
    case 'notices':
      putOn.get(message.board)?.(message.told);
      break;
    case 'changed':
      refresh();
      break;
    case 'measure':
      void measure().then((readings) => tell({ kind: 'measured', readings }));
      break;
    case 'stop':
      stop()
        .then(() => process.exit(0))
        .catch(fail);
  }
});

async function start({ slot, ports, ticketKeys }: Extract<ToWorker, { kind: 'start' }>): Promise<void> {
  const log = root.child({ worker: slot });
  const core = await openBrokerCore(config, log, slot);
  const { mqttHost: host, mqttProxyProtocol: proxyProtocol, tls } = config;
  // Elsewhere the primary accepts connections and hands them out in turn, which costs more and takes longer.
  const isShared = process.platform === 'linux';
  const options = { host, ports, proxyProtocol, tls, ticketKeys, isShared };
  const broker = await startBroker(dependenciesOf(core, core.claims ?? throughPrimary, log, slot, boards), options);
  refresh = () => core.access.refresh();
  measure = async () => [...(await core.measure()), ...(await broker.measure()), ...ofProcess()];
  stop = async () => {
    await broker.close();
    await core.close();
  };
  tell({ kind: 'ready' });
}

function ofProcess(): Reading[] {
  const { user, system } = process.cpuUsage();
  return [
    counter('footfall_workers_cpu_seconds_total', 'Processor time of broker workers', (user + system) / 1e6),
    gauge('footfall_workers_resident_memory_bytes', 'Memory of broker workers', process.memoryUsage.rss()),
  ];
}

function fail(error: Error & { code?: string }): void {
  root.fatal({ err: error }, 'a broker worker cannot go on');
  tell({ kind: 'failed', message: error.message, isPortTaken: error.code === 'EADDRINUSE' });
  process.exitCode = 1;
  process.disconnect?.();
}
