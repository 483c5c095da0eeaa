// Where webhooks may lead: to the public internet over TLS, and wherever else the configuration allows. Whoever may make a
// webhook must not be able to have the service call what only the service can reach.
import dns, { type LookupAddress, type LookupAllOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Of IPv6 only this has been given out for the public internet (RFC 4291, 2.4; IANA). */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');

/** An address that is not called, and why. */
export class RefusedAddress extends Error {}

type Address = ReturnType<typeof ipaddr.parse>;

function isWithin(address: Address, [network, bits]: [Address, number]): boolean {
  return address.kind() === network.kind() && address.match([network, bits] as never);
}

/** Throws RefusedAddress for an address that may not be called: one is as good as the IPv4 address that it maps. */
export function permitAddress(address: string, isEncrypted: boolean, networks: readonly string[]): void {
  const parsed = ipaddr.process(address);
  if (networks.some((network) => isWithin(parsed, ipaddr.parseCIDR(network)))) return;
  const isPublic = parsed.range() === 'unicast' && (parsed.kind() === 'ipv4' || isWithin(parsed, GLOBAL_UNICAST));
  if (!isPublic) throw new RefusedAddress(`${address} is not public; see FOOTFALL_WEBHOOK_NETWORKS`);
  if (!isEncrypted) throw new RefusedAddress('over the internet it must be https');
}

/** The address that `url` names by itself; null: a name, which is looked up when it is called. */
export function literalAddress({ hostname }: URL): string | null {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(bare) ? bare : null;
}

/** Looks names up, and answers only if every address may be called: the one that is connected to is one of these. */
export function permittedLookup(isEncrypted: boolean, networks: readonly string[]): LookupFunction {
  return (hostname, options, callback) => {
    const done = (error: Error | null, addresses: LookupAddress[] = []) => {
      const [first] = addresses;
      if (error !== null || first === undefined) {
        return callback(error ?? new Error(`${hostname} has no address`), '', 0);
      }
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    };
    dns.lookup(hostname, { ...options, all: true } as LookupAllOptions, (error, addresses) => {
      if (error !== null) return done(error);
      try {
        for (const { address } of addresses) permitAddress(address, isEncrypted, networks);
      } catch (refused) {
        return done(refused as Error);
      }
      done(null, addresses);
    });
  };
}
