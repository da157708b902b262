import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QualityReport } from '../../src/quality/report.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { canMakeNamespaces } from '../interop/network-namespaces.ts';
import { PacketRules } from '../interop/packet-counters.ts';
import { requirePeer } from '../interop/peers.ts';
import { Taciturn } from '../interop/taciturn.ts';
import { measuredAgainIfWrong } from './measure-again.ts';
import { MeasuredPath } from './measured-path.ts';
import { QualityNetwork } from './quality-network.ts';

const DURATION_MS = 11_000;
/** What the limited path lets through. */
const RATE = 5e6;
/** What the lossy paths are probed for at most: enough for the stream, and little work for a machine that is busy. */
const LOSSY_MAX = 2e6;
const PACKETS = 2000;
/** The length of a probe as UDP counts it: its payload and the headers of ChannelData and UDP. All other packets are the stream's. */
const PROBE_LENGTH = 1200 + 4 + 8;

const canRun = canMakeNamespaces() && requirePeer('nft') && requirePeer('tc');

describe.skipIf(!canRun)('a path in the kernel', { timeout: 60_000 }, () => {
  let network: QualityNetwork;
  let daemon: Taciturn;
  let rules: PacketRules;

  beforeAll(async () => {
    network = new QualityNetwork(4);
    const { server, serverAddress, yaml } = network;
    rules = new PacketRules(server);
    daemon = await network.inside(server, () => Taciturn.start(yaml, { listen: [serverAddress] }));
  });
  afterAll(async () => {
    await daemon?.stop();
    network?.remove();
  });

  function open(client: number, kind: 'udp' | 'tcp' = 'udp'): Promise<MeasuredPath> {
    const server = { ip: IpAddress.parse(network.serverAddress)!, port: daemon.port };
    return network.inside(network.clients[client]!, () => MeasuredPath.open(server, { kind }));
  }

  // Two measurements at a time, of paths that share nothing but the server.
  describe.each([
    { transport: 'udp', limited: 0, percent: 2, lossy: 1 },
    { transport: 'tcp', limited: 2, percent: 5, lossy: 3 },
  ] as const)('measured while another is measured too,', ({ transport, limited, percent, lossy }) => {
    it.concurrent(`that lets 5 Mbit/s through is measured within 20 %, over ${transport}`, async () => {
      const error = ({ bandwidth }: QualityReport) => Math.abs(bandwidth.bitsPerSecond / RATE - 1);
      const measure = async () => {
        const path = await open(limited, transport);
        const limit = `qdisc replace dev eth0 root tbf rate ${RATE}bit burst 16kb latency 200ms`;
        network.clients[limited]!.run('tc', limit.split(' '));
        try {
          return await path.measure(DURATION_MS, 4 * RATE);
        } finally {
          path.close();
        }
      };
      const report = await measuredAgainIfWrong(measure, (one) =>
        error(one) > 0.2 ? `${one.bandwidth.bitsPerSecond} bit/s, where ${RATE} fit` : undefined,
      );
      expect(error(report)).toBeLessThanOrEqual(0.2);
      expect(report.meaning.video).toMatchObject({ name: '720p' });
    });

    it.concurrent(`that drops ${percent} % has that loss within a point, over ${PACKETS} packets`, async () => {
      const path = await open(lossy);
      const [seen, dropped] = [`seen ${percent}`, `dropped ${percent}`];
      const stream = `iifname "client${lossy}" udp length < ${PROBE_LENGTH}`;
      const dropSome = `numgen random mod 100 < ${percent} counter drop`;
      rules.add('prerouting', [
        `${stream} counter comment "${seen}"`,
        `${stream} ${dropSome} comment "${dropped}"`,
        `iifname "client${lossy}" udp length ${PROBE_LENGTH} ${dropSome}`,
      ]);
      const measure = async () => {
        const before = [rules.count(seen), rules.count(dropped)] as const;
        const { packets } = await path.measure(DURATION_MS, LOSSY_MAX);
        return { packets, truth: (rules.count(dropped) - before[1]) / (rules.count(seen) - before[0]) };
      };
      const { packets, truth } = await measuredAgainIfWrong(measure, (one) =>
        one.packets.sent < PACKETS ? `there was time for only ${one.packets.sent} packets` : undefined,
      );
      path.close();
      expect(packets.sent).toBeGreaterThanOrEqual(PACKETS);
      expect(Math.abs(packets.lossFraction - truth)).toBeLessThanOrEqual(0.01);
    });
  });
});
