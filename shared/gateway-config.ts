// Where the gateway consumes, read from FOOTFALL_GATEWAY_ variables: another broker, and as whom.

export type GatewayConfig = {
  readonly host: string;
  readonly port: number;
  /** Null: plain TCP. Paths of PEM files, read at each connect; null: the certificates that Node trusts, no own one. */
  readonly tls: {
    readonly caPath: string | null;
    readonly certPath: string | null;
    readonly keyPath: string | null;
  } | null;
  readonly username: string | null;
  readonly password: string | null;
  /** Names the session that is kept there while footfall is away. */
  readonly clientId: string;
  /** Who shares the messages; null: no shared subscription. */
  readonly group: string | null;
};

const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 };
/** Of client id and group: the same at every start, because the session that is kept over there goes by it. */
const DEFAULT_NAME = 'footfall';
export const GATEWAY_GROUP = DEFAULT_NAME;
/** FOOTFALL_GATEWAY_GROUP for a subscription that is not shared. */
const NOT_SHARED = 'none';
const EXAMPLE = 'mqtt://user:password@host:1883 or mqtts://host';

/** From the variables that are set. Null: there is no gateway. Faults are added to `faults`, without the password. */
export function readGatewayConfig(
  set: Readonly<Record<string, string | undefined>>,
  faults: string[],
): GatewayConfig | null {
  const { FOOTFALL_GATEWAY_URL: address, FOOTFALL_GATEWAY_CLIENT_ID: clientId = DEFAULT_NAME } = set;
  const { FOOTFALL_GATEWAY_GROUP: group = GATEWAY_GROUP } = set;
  const { FOOTFALL_GATEWAY_CA: ca, FOOTFALL_GATEWAY_CERT: cert, FOOTFALL_GATEWAY_KEY: key } = set;
  if (address === undefined) return null;
  const fault = (why: string): null => {
    faults.push(why);
    return null;
  };
  const url = URL.parse(address);
  const port = PORTS[url?.protocol ?? ''];
  if (url === null || port === undefined || url.hostname === '') {
    return fault(`FOOTFALL_GATEWAY_URL: the address of an MQTT broker, such as ${EXAMPLE}`);
  }
  if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    return fault(`FOOTFALL_GATEWAY_URL: nothing after host and port; topics are always dpu/<id>/events (${EXAMPLE})`);
  }
  const [username, password] = [decode(url.username), decode(url.password)];
  if (username === undefined || password === undefined) {
    return fault('FOOTFALL_GATEWAY_URL: user or password has a % that begins no %XX; write it as %25');
  }
  if (username === null && password !== null) {
    return fault('FOOTFALL_GATEWAY_URL: a password without a user');
  }
  const isTls = url.protocol === 'mqtts:';
  const files = Object.entries({ CA: ca, CERT: cert, KEY: key }).filter(([, path]) => path !== undefined);
  if (!isTls && files.length > 0) {
    return fault(`FOOTFALL_GATEWAY_${files[0]?.[0]}: only with an mqtts:// URL in FOOTFALL_GATEWAY_URL`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    return fault(`FOOTFALL_GATEWAY_${cert === undefined ? 'CERT' : 'KEY'}: certificate and key come together`);
  }
  return Object.freeze({
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? port : Number(url.port),
    tls: isTls ? { caPath: ca ?? null, certPath: cert ?? null, keyPath: key ?? null } : null,
    username,
    password,
    clientId,
    group: group === NOT_SHARED ? null : group,
  });
}

/** Null: empty. Undefined: not well written. */
function decode(text: string): string | null | undefined {
  try {
    return text === '' ? null : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
