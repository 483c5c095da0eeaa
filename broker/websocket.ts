// MQTT over WebSocket: upgrades HTTP requests at /mqtt and hands their binary stream to the broker.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { LIMITS } from './limits.ts';

export type HandleUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const PATH = '/mqtt';
/** The WebSocket names of MQTT 3.1.1 and of 3.1 [MQTT-6.0.0-3]. */
const SUBPROTOCOLS = ['mqtt', 'mqttv3.1'];
/** A frame may hold several packets [MQTT-6.0.0-2]; it is in memory as a whole before the guard sees it. */
const FRAME_BYTES_MAX = 2 * LIMITS.packetBytesMax;
/** WebSocket close code for a type of data that is not accepted (RFC 6455, 7.4.1). */
const UNSUPPORTED_DATA = 1003;

/** A listener for an HTTP server's `upgrade`; paths other than /mqtt are answered with 404. */
export function createUpgradeHandler(accept: (stream: Duplex, address: string) => void): HandleUpgrade {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
  });
  return (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (request.url?.split('?', 1)[0] !== PATH) {
      refuse(socket, '404 Not Found');
      return;
    }
    if (!isSameHost(request)) {
      refuse(socket, '403 Forbidden');
      return;
    }
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
    if (!SUBPROTOCOLS.some((name) => offered.includes(name))) {
      refuse(socket, '400 Bad Request');
      return;
    }
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (_data, isBinary) => {
        if (!isBinary) webSocket.close(UNSUPPORTED_DATA); // [MQTT-6.0.0-1]
      });
      accept(createWebSocketStream(webSocket), request.socket.remoteAddress ?? '');
    });
  };
}

/** Browsers say which site's page asks. Only ours may: any page could otherwise use the way into a service on loopback. */
function isSameHost({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin === undefined || URL.parse(origin)?.host === host?.toLowerCase();
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}
