// The doctor: looks at everything that a service needs before it is started, or beside it while it runs.
//
//   configuration ─bad─▶ its faults, and nothing else
//        └─good─▶ Node ─▶ clock ─▶ disk (embedded) | servers (influx-redis) ─▶ file limit ─▶ ports ─▶ certificates ─▶ gateway
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Check, failing, fine, warning } from '../check.ts';
import type { Clock } from '../clock.ts';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { inspectServers } from '../storage/open.ts';
import { checkDisk } from './disk.ts';
import { checkGateway } from './gateway.ts';
import { checkClock, checkFileLimit, checkNode } from './machine.ts';
import { checkPorts, isRunning } from './ports.ts';

/** A certificate that ends sooner wants to be renewed now. */
const CERTIFICATE_MS_MIN = 14 * 86_400_000;

/** `dpus`: how many the fleet has or will have. */
export async function examine(clock: Clock, dpus: number): Promise<Check[]> {
  let config: Config;
  const checks: Check[] = [];
  try {
    const read = readConfig();
    config = read.config;
    const action = 'see the configuration table in README.md for what it may be called';
    checks.push(...read.warnings.map((text) => warning('configuration', text, action)));
    if (read.warnings.length === 0) checks.push(fine('configuration', `storage=${config.storage}`));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const action = 'set it right; the configuration table in README.md says how';
    return [checkNode(), ...error.faults.map((fault) => failing('configuration', fault, action))];
  }
  const dataDir = config.storage === 'embedded' ? config.dataDir : null;
  // Before the disk, whose check writes there.
  checks.push(checkNode(), await checkClock(clock, dataDir));
  if (dataDir !== null) checks.push(...checkDisk(dataDir, clock));
  checks.push(...(await inspectServers(config, clock)));
  checks.push(checkFileLimit(dpus, config.brokerWorkers));
  checks.push(...(await checkPorts(config, await isRunning(config))));
  if (config.tls !== null) checks.push(checkCertificate(config.tls, clock));
  if (config.gateway !== null) checks.push(await checkGateway(config.gateway));
  return checks;
}

function checkCertificate({ certPath, keyPath }: NonNullable<Config['tls']>, clock: Clock): Check {
  try {
    readFileSync(keyPath);
    const { validToDate } = new X509Certificate(readFileSync(certPath));
    const detail = `${certPath} is good until ${validToDate.toISOString()}`;
    const leftMs = validToDate.getTime() - clock.nowMs();
    if (leftMs > CERTIFICATE_MS_MIN) return fine('certificate', detail);
    return (leftMs > 0 ? warning : failing)('certificate', detail, 'renew it; the service reads it again by itself');
  } catch (error) {
    return failing('certificate', (error as Error).message, 'set FOOTFALL_TLS_CERT and FOOTFALL_TLS_KEY to PEM files');
  }
}
