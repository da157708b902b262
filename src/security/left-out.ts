import { sameAddress } from '../stun/ip-address.ts';
import { classOf } from './address-class.ts';
import type { SecurityDependencies } from './dependencies.ts';
import type { SecurityFinding } from './report.ts';

/** So many addresses are named in a line. */
const MAX_NAMED = 4;

/** The addresses of this host that a safe server relays to as little, and that are no targets; nothing when there are none. */
export function leftOut({
  hostAddresses,
  targets,
}: Pick<SecurityDependencies, 'hostAddresses' | 'targets'>): SecurityFinding[] {
  const texts = hostAddresses
    .filter(({ ip }) => classOf(ip) !== 'public' && !targets.some((target) => sameAddress(target.ip, ip)))
    .map(({ ip }) => ip.text);
  const others = [...new Set(texts)];
  if (others.length === 0) return [];
  const more = others.length > MAX_NAMED ? `${others.slice(0, MAX_NAMED).join(', ')}, …` : others.join(', ');
  const count = others.length === 1 ? 'One address' : `${others.length} addresses`;
  return [
    {
      subject: 'forbidden-peer',
      state: 'not-tested',
      detail: `${count} of this host left out: ${more}`,
      facts: { leftOut: others },
      advice: {
        code: 'left_out',
        cause:
          'Of the addresses of one kind only the first few are tried, since a host with many containers has many that are alike to a server.',
        fix: `To have one of the others tried, name it: --security-target ${others[0]}`,
      },
    },
  ];
}
