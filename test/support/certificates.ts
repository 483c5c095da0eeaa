// Certificates for tests, made with openssl: an authority, and what it signs.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
/** What a server is reached as in tests. */
const NAMES = 'subjectAltName=IP:127.0.0.1,DNS:localhost';

export type Issued = {
  readonly certPath: string;
  readonly keyPath: string;
  readonly cert: Buffer;
  readonly key: Buffer;
};

/** Why there are no certificates on this machine; null: there are. */
export function whyNoOpenssl(): string | null {
  return spawnSync('openssl', ['version']).status === 0 ? null : 'openssl is not installed';
}

/** An authority in `folder`, named `name`. */
export function makeAuthority(folder: string, name: string) {
  const [caPath, caKeyPath] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  openssl('req', '-x509', ...KEY, '-keyout', caKeyPath, '-out', caPath, '-subj', `/CN=${name}`, '-days', '2');
  let serial = 0;
  /** A certificate for `commonName` in files named `file`, which are put in place one after the other, each at once. */
  const issue = (commonName: string, file: string): Issued => {
    const [certPath, keyPath] = [join(folder, `${file}.crt`), join(folder, `${file}.key`)];
    const [request, names] = [join(folder, `${file}.csr`), join(folder, `${file}.ext`)];
    writeFileSync(names, NAMES);
    openssl('req', '-new', ...KEY, '-keyout', `${keyPath}.new`, '-out', request, '-subj', `/CN=${commonName}`);
    serial += 1;
    const signed = ['-CA', caPath, '-CAkey', caKeyPath, '-set_serial', String(serial), '-days', '1', '-extfile', names];
    openssl('x509', '-req', '-in', request, ...signed, '-out', `${certPath}.new`);
    renameSync(`${keyPath}.new`, keyPath);
    renameSync(`${certPath}.new`, certPath);
    return { certPath, keyPath, cert: readFileSync(certPath), key: readFileSync(keyPath) };
  };
  return { caPath, ca: readFileSync(caPath), issue };
}

function openssl(...parameters: string[]): void {
  execFileSync('openssl', parameters, { stdio: 'pipe' });
}
