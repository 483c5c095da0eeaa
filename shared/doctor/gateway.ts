// The broker that the gateway is to consume from: whether anybody takes connections there.
import { connect } from 'node:net';
import { type Check, fine, warning } from '../check.ts';
import type { GatewayConfig } from '../gateway-config.ts';

const ANSWER_TIMEOUT_MS = 2_000;
const ACTION = 'start it, or set FOOTFALL_GATEWAY_URL to where it is; until then footfall tries again by itself';

export function checkGateway({ host, port }: GatewayConfig): Promise<Check> {
  return new Promise((resolve) => {
    const where = `${host}:${port}`;
    const socket = connect({ host, port });
    const end = (check: Check) => {
      socket.destroy();
      resolve(check);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(warning('gateway', `${where} does not answer`, ACTION)));
    socket.on('connect', () => end(fine('gateway', `${where} takes connections`)));
    socket.on('error', ({ message }) => end(warning('gateway', `${where}: ${message}`, ACTION)));
  });
}
