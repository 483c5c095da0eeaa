// The names of all Redis keys. What one script touches together carries one hash tag, so that Redis Cluster keeps it in one slot.

const PREFIX = 'footfall:';

const key = (partition: number, name: string): string => `${PREFIX}{${partition}}:${name}`;

export const keys = {
  journal: (partition: number) => key(partition, 'journal'),
  journalMeta: (partition: number) => key(partition, 'journal:meta'),
  appender: (partition: number, appender: string) => key(partition, `appender:${appender}`),
  lease: (partition: number) => key(partition, 'lease'),
  live: (partition: number) => key(partition, 'live'),
  late: (partition: number) => key(partition, 'late'),
  /** Rings by DPU. */
  dpus: (partition: number) => key(partition, 'dpus'),
  /** DPUs by number. */
  numbers: (partition: number) => key(partition, 'numbers'),
  /** What has been heard, by DPU. */
  heard: (partition: number) => key(partition, 'heard'),
  verdicts: (partition: number) => key(partition, 'verdicts'),
  arrivals: (partition: number) => key(partition, 'arrivals'),
  /** The change feed. */
  changes: (partition: number) => key(partition, 'changes'),
  /** Recounts by fact: those that are not done, and those that are. */
  recounts: (partition: number) => key(partition, 'recounts'),
  recountsDone: (partition: number) => key(partition, 'recounts:done'),
  /** What is left of open recounts, by fact and number. */
  recountParts: (partition: number) => key(partition, 'recounts:parts'),
  dirtySpaces: (owner: number) => key(owner, 'dirty'),
  dirty: (owner: number, spaceId: string) => key(owner, `dirty:${spaceId}`),
  rollupVersion: (owner: number) => key(owner, 'rollup:version'),
  quarantine: (partition: number) => key(partition, 'quarantine'),
  quarantineItems: (partition: number) => key(partition, 'quarantine:items'),
  quarantineOfReason: (partition: number, reason: string) => key(partition, `quarantine:reason:${reason}`),
  quarantineOfDpu: (partition: number, dpuId: string) => key(partition, `quarantine:dpu:${dpuId}`),
  /** Requests to the processors (verify, rebuild) and their answers. */
  requests: (partition: number) => key(partition, 'requests'),
  facts: `${PREFIX}{plan}:facts`,
  announced: `${PREFIX}{plan}:announced`,
  credentials: `${PREFIX}{plan}:credentials`,
  credentialChanges: `${PREFIX}{plan}:credentials:changes`,
  /** Of DPUs: their newest connections, in which order those changed, who tells of them, and how often each was refused. */
  connections: `${PREFIX}{fleet}:connections`,
  connectionChanges: `${PREFIX}{fleet}:connections:changes`,
  tellers: `${PREFIX}{fleet}:tellers`,
  connected: (teller: string) => `${PREFIX}{fleet}:connected:${teller}`,
  refusals: `${PREFIX}{fleet}:refusals`,
  /** By id: webhooks, how far each is, and the number of its newest message. */
  webhooks: `${PREFIX}{plan}:webhooks`,
  webhookProgress: `${PREFIX}{plan}:webhooks:progress`,
  webhookNewest: `${PREFIX}{plan}:webhooks:newest`,
  /** Whose turn it is to deliver, and who could. */
  webhookLease: `${PREFIX}{plan}:webhooks:lease`,
  webhookMembers: `${PREFIX}{plan}:webhooks:members`,
  /** By number: messages, what is sent of each, and those that wait. */
  deliveries: (webhookId: string) => `${PREFIX}{plan}:webhook:${webhookId}`,
  deliveryBodies: (webhookId: string) => `${PREFIX}{plan}:webhook:${webhookId}:bodies`,
  deliveriesWaiting: (webhookId: string) => `${PREFIX}{plan}:webhook:${webhookId}:waiting`,
  /** Commands of a DPU; of each DPU the number of its newest; the greatest number. */
  commands: (dpuId: string) => `${PREFIX}{fleet}:commands:${dpuId}`,
  newestCommands: `${PREFIX}{fleet}:commands`,
  commandNumber: `${PREFIX}{fleet}:command:number`,
  auditTrail: `${PREFIX}{plan}:audit`,
  processors: `${PREFIX}processors`,
  partitions: `${PREFIX}partitions`,
} as const;

/** The field of `live` and `late` that holds a group's progress; no space id has a colon. */
export const PROGRESS_FIELD = ':progress';
/** The field of `late` that holds the number of the partition's newest change. */
export const CHANGES_FIELD = ':changes';
/** The field of `late` that holds the position up to which points may have been written. */
export const BEGUN_FIELD = ':begun';

/** Pub/sub: the number of the newest fact that has been announced to every partition. */
export const FACTS_CHANNEL = `${PREFIX}facts`;

/** Pub/sub: the number of the command that was queued last. */
export const COMMANDS_CHANNEL = `${PREFIX}commands`;

/** Pub/sub: client ids that have connected, wherever it was. */
export const CLAIMS_CHANNEL = `${PREFIX}claims`;
