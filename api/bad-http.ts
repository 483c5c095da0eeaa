// What is answered to bytes that are no HTTP request: there is no request to route, only a socket.
import type { Socket } from 'node:net';
import { Problem, problemBody } from './problem.ts';

type ClientError = Error & { readonly code?: string };

export function badHttp(error: ClientError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = new Problem(
    'invalid_request',
    `it is not an HTTP request that can be read (${error.code ?? 'no code'})`,
  );
  const body = JSON.stringify(problemBody(problem));
  socket.end(
    `HTTP/1.1 ${problem.status} Bad Request\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
