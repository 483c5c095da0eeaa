// The connection to Redis, and telling apart what may pass by itself from what is wrong.
import { Redis } from 'ioredis';
import { TemporaryStorageError } from '../../errors.ts';

/** A command unanswered for so long has failed for its caller; it may still be carried out. */
const COMMAND_TIMEOUT_MS = 5_000;
/** To connect, at the start and again. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Between attempts to connect again. */
const RECONNECT_MS = 200;

/**
 * Connected, or throws. Commands while the connection is away fail at once, and none is sent again by itself: who calls
 * knows what may be repeated. `blocking`: for reads that wait.
 */
export async function connectRedis(url: string, use: 'calls' | 'blocking' = 'calls'): Promise<Redis> {
  const redis = new Redis(url, {
    protocol: 2,
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    ...(use === 'calls' ? { commandTimeout: COMMAND_TIMEOUT_MS } : {}),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => RECONNECT_MS,
  });
  // Every command that fails tells its caller.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw new Error(`Redis at ${withoutPassword(url)} cannot be reached: ${(error as Error).message}; see REDIS_URL`);
  }
}

/** Answers of a server that may answer otherwise later: loading, out of memory, disk failing, becoming a replica. */
const TEMPORARY_REPLY = /^(LOADING|OOM|MISCONF|READONLY|BUSY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|NOREPLICAS)\b/;
/** What ioredis says of a connection that is away. */
const TEMPORARY_CONNECTION =
  /Connection is closed|isn't writeable|Command timed out|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|max retries|Socket closed|Stream/i;

/** True when the same call may succeed later; it may also have been carried out. */
export function isTemporary(error: unknown): boolean {
  const { name, message = '' } = error as Error;
  return name === 'MaxRetriesPerRequestError' || TEMPORARY_REPLY.test(message) || TEMPORARY_CONNECTION.test(message);
}

/** What may pass becomes TemporaryStorageError. Only for calls that may be repeated. */
export async function temporarily<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (!isTemporary(error)) throw error;
    throw new TemporaryStorageError(`Redis: ${(error as Error).message}`, { cause: error });
  }
}

function withoutPassword(url: string): string {
  const { host, protocol } = new URL(url);
  return `${protocol}//${host}`;
}
