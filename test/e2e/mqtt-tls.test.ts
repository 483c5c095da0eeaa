// MQTT over TLS with several workers: versions, sessions resumed anywhere, certificates of DPUs, and one replaced under load.
import { renameSync, writeFileSync } from 'node:fs';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Issued, makeAuthority, whyNoOpenssl } from '../support/certificates.ts';
import { httpClient } from '../support/http.ts';
import { openWire, publishPacket, type Wire } from '../support/mqtt-wire.ts';
import { type Service, startService } from '../support/service.ts';
import { removeDir, temporaryDir } from '../support/temporary-dir.ts';
import { REACH } from '../support/workers.ts';

const ADMIN_KEY = 'an-admin-key-for-tests';
const AT_MS = Date.UTC(2026, 0, 15, 9);
const missing = whyNoOpenssl();
const SOON = { timeout: 15_000, interval: 20 };

describe.skipIf(missing !== null)(`TLS${missing === null ? '' : `: skipped, ${missing}`}`, () => {
  let folder: string;
  let authority: ReturnType<typeof makeAuthority>;
  let service: Service;
  let trusting: ConnectionOptions;

  const admin = async (method: string, path: string, body?: unknown) => {
    const answer = await httpClient(service.httpUrl).call(method, path, body, { authorization: `Bearer ${ADMIN_KEY}` });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const serialOf = (wire: Wire) => (wire.socket as TLSSocket).getPeerX509Certificate()?.serialNumber;

  beforeAll(async () => {
    folder = temporaryDir();
    authority = makeAuthority(folder, 'authority');
    const { certPath, keyPath } = authority.issue('localhost', 'server');
    service = await startService({
      environment: {
        FOOTFALL_ADMIN_KEY: ADMIN_KEY,
        FOOTFALL_BROKER_WORKERS: '3',
        FOOTFALL_MQTTS_PORT: '0',
        FOOTFALL_TLS_CERT: certPath,
        FOOTFALL_TLS_KEY: keyPath,
        FOOTFALL_TLS_CLIENT_CA: authority.caPath,
      },
    });
    trusting = { ca: authority.ca };
    await admin('POST', '/v1/dpus', { id: '423' });
    // Every worker knows of it once a connection of each has been let in.
    const certified = authority.issue('423', 'warm');
    await vi.waitFor(async () => {
      for (let connection = 0; connection < REACH; connection++) await (await connected(certified, '423')).ping();
    }, SOON);
  });
  afterAll(async () => {
    await service.stop();
    removeDir(folder);
  });

  async function connected({ cert, key }: Pick<Issued, 'cert' | 'key'>, clientId: string): Promise<Wire> {
    const wire = await openWire(service.mqttsPort, { ...trusting, cert, key });
    await wire.connect({ clientId });
    return wire;
  }

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is spoken', async (version) => {
    await using wire = await openWire(service.mqttsPort, { ...trusting, minVersion: version, maxVersion: version });
    expect((wire.socket as TLSSocket).getProtocol()).toBe(version);
  });

  test('TLS 1.1 is not, nor is a client that speaks none', async () => {
    const old = { ...trusting, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    await expect(openWire(service.mqttsPort, old)).rejects.toThrow();
    await using plain = await openWire(service.mqttsPort);
    plain.send(Buffer.from('no handshake at all'));
    await plain.closed();
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('a session of %s is resumed by every worker', async (version) => {
    const only = { ...trusting, minVersion: version, maxVersion: version };
    const { cert, key } = authority.issue('423', 'resuming');
    await using first = await openWire(service.mqttsPort, { ...only, cert, key });
    let session = (first.socket as TLSSocket).getSession();
    (first.socket as TLSSocket).on('session', (newer) => {
      session = newer;
    });
    await first.connect({ clientId: '423' });
    for (let connection = 0; connection < REACH; connection++) {
      if (session === undefined) throw new Error('there is no session');
      await using again = await openWire(service.mqttsPort, { ...only, session });
      expect((again.socket as TLSSocket).isSessionReused()).toBe(true);
      // Whose certificate was shown when the session began is still known.
      await again.connect({ clientId: '423' });
    }
  });

  test('a DPU with a certificate needs no secret, and speaks for itself only', async () => {
    const certified = authority.issue('423', 'dpu');
    await using wire = await connected(certified, '423');
    wire.send(publishPacket('dpu/423/events', `{"timestamp":${AT_MS},"direction":1}`, 1));
    expect(await wire.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    wire.send(publishPacket('dpu/283/events', `{"timestamp":${AT_MS},"direction":1}`, 2));
    await wire.closed();
    await expect(connected(certified, '283')).rejects.toThrow('"returnCode":5');
  });

  test('a certificate of somebody else is not looked at further; with none, a secret is needed', async () => {
    const { cert, key } = makeAuthority(folder, 'somebody').issue('423', 'forged');
    const forged = await openWire(service.mqttsPort, { ...trusting, cert, key }).catch(() => null);
    await forged?.closed();
    await using bare = await openWire(service.mqttsPort, trusting);
    await expect(bare.connect({ clientId: '423' })).rejects.toThrow('"returnCode":5');
    const { secret } = await admin('POST', '/v1/dpus/423/secret');
    // A worker may not have heard of the secret yet.
    await vi.waitFor(async () => {
      await using known = await openWire(service.mqttsPort, trusting);
      await known.connect({ clientId: '423', username: '423', password: Buffer.from(secret) });
    }, SOON);
  });

  test('revoked, a certificate is good for nothing within a second, until there is a secret again', async () => {
    const certified = authority.issue('423', 'revoked');
    await using wire = await connected(certified, '423');
    const revokedMs = performance.now();
    await admin('DELETE', '/v1/dpus/423/secret');
    await wire.closed();
    expect(performance.now() - revokedMs).toBeLessThan(1_000);
    await vi.waitFor(async () => {
      for (let connection = 0; connection < REACH; connection++) {
        await expect(connected(certified, '423')).rejects.toThrow('"returnCode":5');
      }
    }, SOON);
    await admin('POST', '/v1/dpus/423/secret');
    await vi.waitFor(async () => (await connected(certified, '423')).destroy(), SOON);
  });

  test('a certificate replaced under load: who is connected stays, who comes sees the new one, nothing is lost', async () => {
    const DPUS = 30;
    const ids = Array.from({ length: DPUS }, (_, index) => `load-${index}`);
    const { results } = await admin('POST', '/v1/dpus/secrets', { dpus: ids.map((id) => ({ id })) });
    const wires: Wire[] = [];
    let sent = 0;
    let acknowledged = 0;
    let publishing = true;
    const publish = (wire: Wire, id: string) => {
      if (publishing) wire.send(publishPacket(`dpu/${id}/events`, `{"timestamp":${AT_MS + ++sent},"direction":1}`, 1));
    };
    const open = async ({ dpu_id: id, secret }: { dpu_id: string; secret: string }) => {
      const wire = await vi.waitFor(async () => {
        const opened = await openWire(service.mqttsPort, trusting);
        await opened.connect({ clientId: id, username: id, password: Buffer.from(secret) });
        return opened;
      }, SOON);
      wires.push(wire);
      publish(wire, id);
      void (async () => {
        while (publishing) {
          await wire.next();
          acknowledged += 1;
          publish(wire, id);
        }
      })().catch(() => undefined);
      return wire;
    };
    const before = serialOf(await open(results[0]));
    for (const one of results.slice(1, DPUS / 2)) await open(one);
    authority.issue('localhost', 'server');
    let newest = before;
    for (const one of results.slice(DPUS / 2)) newest = serialOf(await open(one));
    await vi.waitFor(
      async () => {
        for (let connection = 0; connection < REACH; connection++) {
          await using wire = await openWire(service.mqttsPort, trusting);
          newest = serialOf(wire);
          expect(newest).not.toBe(before);
        }
      },
      { timeout: 10_000, interval: 50 },
    );
    expect(wires.filter((wire) => wire.ended)).toEqual([]);
    publishing = false;
    await vi.waitFor(() => expect(acknowledged).toBe(sent), { timeout: 10_000, interval: 10 });
    const found = await vi.waitFor(
      async () => {
        const { total } = await admin('GET', '/v1/events?page_size=1&start_time=2026-01-15T09:00:00.001Z');
        expect(total).toBe(sent);
        return total;
      },
      { timeout: 15_000, interval: 100 },
    );
    process.stdout.write(`certificate replaced under load: ${acknowledged} acknowledged, ${found} stored\n`);
    for (const wire of wires) wire.destroy();
  });

  test('files that cannot be used leave the certificate before in use, also at SIGHUP', async () => {
    await using first = await openWire(service.mqttsPort, trusting);
    const before = serialOf(first);
    const broken = `${folder}/server.crt.new`;
    writeFileSync(broken, 'no certificate');
    renameSync(broken, `${folder}/server.crt`);
    process.kill(service.pid, 'SIGHUP');
    await vi.waitFor(() => expect(service.log()).toContain('the TLS files cannot be used'), { timeout: 5_000 });
    await using wire = await openWire(service.mqttsPort, trusting);
    expect(serialOf(wire)).toBe(before);
  });
});
