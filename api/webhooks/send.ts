// One attempt to deliver a message, by the Standard Webhooks specification: a signed POST, whose answer is its status alone.
import http from 'node:http';
import https from 'node:https';
import { Webhook as Signer } from 'standardwebhooks';
import type { WebhookSecret } from '../../shared/webhook.ts';
import { literalAddress, permitAddress, permittedLookup } from './networks.ts';

/** From the start of an attempt to the head of the answer; the specification asks for 15 to 30 s. */
export const ATTEMPT_TIMEOUT_MS = 15_000;
const REST_BYTES_MAX = 64 * 1024;
/** A receiver may ask for so much patience. */
const RETRY_AFTER_MS_MAX = 3_600_000;

/** `statusCode` null: there was no answer. `error` null: it is delivered. */
export type Outcome = {
  readonly statusCode: number | null;
  readonly error: string | null;
  /** Asked for by the receiver; null: it was not. */
  readonly retryAfterMs: number | null;
};

export type Letter = {
  readonly url: string;
  readonly secrets: readonly WebhookSecret[];
  readonly messageId: string;
  readonly body: string;
};

export type SendOptions = {
  readonly networks: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly nowMs: number;
};

/** The headers of a message, with a signature for each secret that is good. */
export function signedHeaders({ secrets, messageId, body }: Letter, nowMs: number): Record<string, string> {
  const good = secrets.filter(({ untilMs }) => untilMs === null || untilMs > nowMs);
  const signatures = good.map(({ text }) => new Signer(text).sign(messageId, new Date(nowMs), body));
  return {
    'content-type': 'application/json',
    'user-agent': 'footfall',
    'webhook-id': messageId,
    'webhook-timestamp': String(Math.floor(nowMs / 1000)),
    'webhook-signature': signatures.join(' '),
  };
}

/** Never throws: whatever went wrong is the outcome. Redirects are not followed. */
export async function send(letter: Letter, options: SendOptions): Promise<Outcome> {
  try {
    return outcomeOf(await post(letter, options), options.nowMs);
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string };
    const said = name === 'TimeoutError' ? `no answer within ${options.timeoutMs / 1000} s` : message || code || name;
    return { statusCode: null, error: said, retryAfterMs: null };
  }
}

type Answer = Pick<http.IncomingMessage, 'statusCode' | 'headers'>;

function post(letter: Letter, { networks, timeoutMs, signal, nowMs }: SendOptions): Promise<Answer> {
  const url = new URL(letter.url);
  const isEncrypted = url.protocol === 'https:';
  const literal = literalAddress(url);
  if (literal !== null) permitAddress(literal, isEncrypted, networks);
  const timeout = AbortSignal.timeout(timeoutMs);
  const options = {
    method: 'POST',
    // A connection of its own for each: so that every one goes to an address that was looked up and judged for it.
    agent: false as const,
    lookup: permittedLookup(isEncrypted, networks),
    headers: { ...signedHeaders(letter, nowMs), 'content-length': Buffer.byteLength(letter.body) },
    signal: AbortSignal.any([timeout, signal]),
  };
  return new Promise((resolve, reject) => {
    const request = (isEncrypted ? https : http).request(url, options, (response) => {
      resolve(response);
      // Nobody reads the rest; a short one is let in, so that the receiver need not be told of a broken connection.
      let bytes = 0;
      response.on('error', () => undefined);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > REST_BYTES_MAX) response.destroy();
      });
    });
    request.on('error', (error) => reject(timeout.aborted ? timeout.reason : error));
    request.end(letter.body);
  });
}

function outcomeOf({ statusCode = 0, headers }: Answer, nowMs: number): Outcome {
  if (statusCode >= 200 && statusCode < 300) return { statusCode, error: null, retryAfterMs: null };
  const isRedirect = statusCode >= 300 && statusCode < 400;
  const error = isRedirect ? `it answered ${statusCode}; redirects are not followed` : `it answered ${statusCode}`;
  return { statusCode, error, retryAfterMs: retryAfterMs(headers['retry-after'], nowMs) };
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfterMs(text: string | undefined, nowMs: number): number | null {
  if (text === undefined) return null;
  const askedMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(askedMs) ? Math.min(Math.max(askedMs, 0), RETRY_AFTER_MS_MAX) : null;
}
