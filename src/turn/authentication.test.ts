import { describe, expect, it } from 'vitest';
import { REALM, Scenario } from '../../test/virtual-network/scenario.ts';
import {
  type Attributes,
  allocateAttributes,
  refreshAttributes,
  type VirtualClient,
} from '../../test/virtual-network/virtual-client.ts';
import { writeLifetime } from '../stun/attributes/allocation.ts';
import { encodePasswordAlgorithms, writePasswordAlgorithm } from '../stun/attributes/password-algorithms.ts';
import { userhash, writeText } from '../stun/attributes/text.ts';
import { writeFingerprint } from '../stun/fingerprint.ts';
import { writeIntegrity } from '../stun/integrity.ts';
import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';

const { md5, sha256 } = PasswordAlgorithm;
const allocate = allocateAttributes({});

/** An Allocate with exactly these attributes before its integrity. */
function handmade(client: VirtualClient, attributes: Attributes, seal: Attributes): Buffer {
  const writer = new MessageWriter().begin(MessageClass.request, Method.allocate, client.transactionId());
  allocate(writer);
  attributes(writer);
  seal(writer);
  return writer.finish();
}

/** A client that has been challenged and has made no request since. */
function challenged(options: ConstructorParameters<typeof Scenario>[0] = {}) {
  const scenario = new Scenario(options);
  const client = scenario.client();
  const challenge = client.exchange(client.build(Method.allocate, allocate))!;
  client.realm = challenge.realm;
  client.nonce = challenge.nonce;
  client.passwordAlgorithms = encodePasswordAlgorithms([sha256, md5]);
  return { scenario, client, challenge, nonce: challenge.nonce! };
}

describe('a request without integrity', () => {
  it.each(['allocate', 'refresh', 'createPermission', 'channelBind'] as const)('%s gets 401', (name) => {
    const client = new Scenario().client();
    const answer = client.exchange(client.build(Method[name]))!;
    expect(answer.code).toBe(401);
    expect(answer.attributeTypes).toEqual([
      Attribute.errorCode,
      Attribute.realm,
      Attribute.nonce,
      Attribute.passwordAlgorithms,
    ]);
    expect(answer.realm).toBe(REALM);
    expect(answer.nonce).toMatch(/^obMatJos2gAAA/);
    const list = answer.message.valueAt(answer.message.find(Attribute.passwordAlgorithms));
    expect(list).toEqual(encodePasswordAlgorithms([sha256, md5]));
  });

  it('gets 401 though it has a user name, realm and nonce', () => {
    const { client, nonce } = challenged();
    const attributes: Attributes = (writer) => {
      writeText(writer, Attribute.username, 'alice');
      writeText(writer, Attribute.realm, REALM);
      writeText(writer, Attribute.nonce, nonce);
    };
    expect(client.exchange(handmade(client, attributes, () => {}))?.code).toBe(401);
  });

  it('is no refusal in the log', () => {
    expect(challenged().scenario.host.events).toEqual([]);
  });
});

describe('integrity without', () => {
  it.each([
    ['USERNAME', Attribute.username],
    ['REALM', Attribute.realm],
    ['NONCE', Attribute.nonce],
  ])('%s gets 400', (_, left) => {
    const { client, nonce } = challenged();
    const values = new Map([
      [Attribute.username, 'alice'],
      [Attribute.realm, REALM],
      [Attribute.nonce, nonce],
    ] as [number, string][]);
    values.delete(left);
    const attributes: Attributes = (writer) => {
      for (const [type, value] of values) writeText(writer, type, value);
    };
    const answer = client.exchange(
      handmade(client, attributes, (writer) => writeIntegrity(writer, 'sha1', client.key)),
    );
    expect(answer?.code).toBe(400);
    expect(answer?.attributeTypes).toEqual([Attribute.errorCode]);
  });

  it('USERNAME but with USERHASH, which is not offered, gets 401', () => {
    const { client, nonce } = challenged();
    const attributes: Attributes = (writer) => {
      writer.attribute(Attribute.userhash, userhash('alice', REALM));
      writeText(writer, Attribute.realm, REALM);
      writeText(writer, Attribute.nonce, nonce);
    };
    const request = handmade(client, attributes, (writer) => writeIntegrity(writer, 'sha1', client.key));
    expect(client.exchange(request)?.code).toBe(401);
  });
});

describe('the choice of algorithms', () => {
  it.each([
    ['MD5 and HMAC-SHA1, as browsers do', undefined, 'sha1'],
    ['MD5 chosen, HMAC-SHA1', md5, 'sha1'],
    ['MD5 chosen, HMAC-SHA256', md5, 'sha256'],
    ['SHA-256 chosen, HMAC-SHA1', sha256, 'sha1'],
    ['SHA-256 chosen, HMAC-SHA256', sha256, 'sha256'],
    ['no choice, HMAC-SHA256', undefined, 'sha256'],
  ] as const)('%s: the answer carries the HMAC that was verified', (_, algorithm, integrity) => {
    const client = new Scenario().client();
    client.passwordAlgorithm = algorithm;
    client.integrity = integrity;
    const answer = client.allocate();
    expect(answer.code).toBe(0);
    expect(answer.isSignedBy(client.key, integrity)).toBe(true);
    expect(answer.has(integrity === 'sha1' ? Attribute.messageIntegritySha256 : Attribute.messageIntegrity)).toBe(
      false,
    );
    expect(client.refresh().isSignedBy(client.key, integrity)).toBe(true);
  });

  it.each([
    ['a list without the choice', (writer: MessageWriter) => void writer.attribute(Attribute.passwordAlgorithms, both)],
    ['the choice without the list', (writer: MessageWriter) => writePasswordAlgorithm(writer, md5)],
    ['a list that was cut to MD5', listAndChoice([md5], md5)],
    ['a list in another order', listAndChoice([md5, sha256], sha256)],
    ['an empty list', listAndChoice([], md5)],
    ['a choice that is not in the list', listAndChoice([sha256, md5], 3)],
    [
      'a malformed choice',
      (writer: MessageWriter) => {
        writer.attribute(Attribute.passwordAlgorithms, both);
        writer.reserve(Attribute.passwordAlgorithm, 3);
      },
    ],
  ])('%s is taken for an attempt to bid down: 400', (_, more) => {
    const { client } = challenged();
    const answer = client.exchange(
      client.build(Method.allocate, (writer) => {
        allocate(writer);
        more(writer);
      }),
    );
    expect(answer?.code).toBe(400);
  });

  it('takes SHA-256 where both integrity attributes are there, and ignores the other', () => {
    const { client, nonce } = challenged();
    const seal = (sha1Key: Buffer, sha256Key: Buffer) =>
      handmade(client, withUser('alice', nonce), (writer) => {
        writeIntegrity(writer, 'sha1', sha1Key);
        writeIntegrity(writer, 'sha256', sha256Key);
      });
    expect(client.exchange(seal(client.key, Buffer.from('wrong')))?.code).toBe(401);
    const answer = client.exchange(seal(Buffer.from('wrong'), client.key));
    expect(answer?.code).toBe(0);
    expect(answer?.isSignedBy(client.key, 'sha256')).toBe(true);
  });

  it.each([16, 20, 24, 28])('refuses SHA-256 that is truncated to %i bytes', (length) => {
    const { client, nonce } = challenged();
    const seal: Attributes = (writer) => writeIntegrity(writer, 'sha256', client.key, length);
    expect(client.exchange(handmade(client, withUser('alice', nonce), seal))?.code).toBe(401);
  });

  it.each([
    [Attribute.messageIntegrity, 19],
    [Attribute.messageIntegrity, 0],
    [Attribute.messageIntegritySha256, 33],
    [Attribute.messageIntegritySha256, 4],
  ])('refuses an integrity attribute 0x%x of %i bytes', (type, length) => {
    const { client, nonce } = challenged();
    const request = handmade(client, withUser('alice', nonce), (writer) => void writer.reserve(type, length));
    expect(client.exchange(request)?.code).toBe(401);
  });
});

describe('requireSha256', () => {
  it('offers SHA-256 alone and serves a client that does it', () => {
    const client = new Scenario({ requireSha256: true }).client();
    client.passwordAlgorithm = sha256;
    client.integrity = 'sha256';
    expect(client.allocate().code).toBe(0);
    expect(client.passwordAlgorithms).toEqual(encodePasswordAlgorithms([sha256]));
  });

  it('refuses a client that does not', () => {
    const old = new Scenario({ requireSha256: true }).client();
    expect(old.allocate().code).toBe(401);
    const half = new Scenario({ requireSha256: true }).client();
    half.passwordAlgorithm = sha256;
    expect(half.allocate().code).toBe(401);
    const otherHalf = new Scenario({ requireSha256: true }).client();
    otherHalf.integrity = 'sha256';
    expect(otherHalf.allocate().code).toBe(401);
  });
});

describe('the nonce', () => {
  it('is stale after 600 seconds: 438 with realm and a new nonce, with which all goes on', () => {
    const { scenario, client, nonce } = challenged();
    scenario.pass(600);
    expect(client.exchange(client.build(Method.allocate, allocate))?.code).toBe(0);
    scenario.pass(1);
    const answer = client.exchange(client.build(Method.refresh))!;
    expect(answer.code).toBe(438);
    expect(answer.realm).toBe(REALM);
    expect(answer.nonce).not.toBe(nonce);
    expect(answer.has(Attribute.passwordAlgorithms)).toBe(true);
    client.nonce = answer.nonce;
    expect(client.exchange(client.build(Method.refresh))?.code).toBe(0);
  });

  it.each(['30.0.0.1:5001', '30.0.0.2:5000', '[2a01::1]:5000'])('of another client is stale at %s', (at) => {
    const { scenario, nonce } = challenged();
    const thief = scenario.client({ at });
    thief.realm = REALM;
    thief.nonce = nonce;
    expect(thief.exchange(thief.build(Method.allocate, allocate))?.code).toBe(438);
  });

  it.each([
    ['empty', () => ''],
    ['somebody else’s', () => 'f//499k954d6OL34oL9FSTvy64sA'],
    ['shorter', (nonce: string) => nonce.slice(0, -3)],
    ['with other features', (nonce: string) => nonce.replace('gAAA', 'AAAA')],
    ['with another time', (nonce: string) => nonce.replace(/^(.{13})./, '$1_')],
  ])('that is %s gets 438', (_, change) => {
    const { client, nonce } = challenged();
    client.nonce = change(nonce);
    expect(client.exchange(client.build(Method.allocate, allocate))?.code).toBe(438);
  });

  it('survives one rotation of the key, and not a second', () => {
    const { scenario, client } = challenged();
    scenario.server.rotateNonceKey();
    expect(client.exchange(client.build(Method.allocate, allocate))?.code).toBe(0);
    scenario.server.rotateNonceKey();
    expect(client.exchange(client.build(Method.refresh))?.code).toBe(438);
  });

  it('is judged before the user, so that 438 tells nothing about one', () => {
    const { scenario, client } = challenged();
    scenario.pass(601);
    client.username = 'nobody';
    expect(client.exchange(client.build(Method.allocate, allocate))?.code).toBe(438);
  });
});

describe('who may come in', () => {
  it('any of several passwords for one user name is good', () => {
    const scenario = new Scenario();
    scenario.users.add('alice', 'second secret');
    expect(scenario.client({ password: 'second secret' }).allocate().code).toBe(0);
    expect(scenario.client({ password: 'secret' }).allocate().code).toBe(0);
    expect(scenario.client({ password: 'third secret' }).allocate().code).toBe(401);
  });

  it('the answers to unknown user, wrong password and expired credential differ in the nonce alone', () => {
    const { scenario, client, nonce } = challenged();
    scenario.users.add('late', 'secret', { expiresAt: scenario.unix - 1 });
    const id = Buffer.from('same for all');
    const answers = [
      { username: 'nobody', password: 'secret' },
      { username: 'alice', password: 'wrong' },
      { username: 'late', password: 'secret' },
    ].map(({ username, password }) => {
      client.username = username;
      client.password = password;
      const answer = client.exchange(client.build(Method.allocate, allocate, { transactionId: id }))!;
      return answer.bytes.toString('latin1').replace(answer.nonce!, '').replace(nonce, '');
    });
    expect(answers[0]).toContain(REALM);
    expect(new Set(answers).size).toBe(1);
  });

  it('a password is compared in the form NFC', () => {
    const scenario = new Scenario();
    scenario.users.add('zoé', 'caf\u00e9');
    expect(scenario.client({ username: 'zoé', password: 'cafe\u0301' }).allocate().code).toBe(0);
  });

  it('a user name that is too long gets 400', () => {
    const { client } = challenged();
    client.username = 'x'.repeat(600);
    expect(client.exchange(client.build(Method.allocate, allocate))?.code).toBe(400);
  });
});

describe('what stands behind the integrity attribute', () => {
  it.each(['sha1', 'sha256'] as const)('does not count: a LIFETIME of 0 behind %s ends nothing', (integrity) => {
    const scenario = new Scenario();
    const client = scenario.client();
    client.integrity = integrity;
    client.allocate();
    for (const fingerprint of [false, true]) {
      const behindIntegrity: Attributes = (writer) => writeLifetime(writer, 0);
      const answer = client.refresh(undefined, undefined, { behindIntegrity, fingerprint });
      expect(answer.lifetimeSeconds).toBe(600);
    }
    expect(scenario.server.population.allocations).toBe(1);
  });

  it('does not count behind FINGERPRINT either: such a message is dropped', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const behindIntegrity: Attributes = (writer) => {
      writeFingerprint(writer);
      writeLifetime(writer, 0);
    };
    expect(client.exchange(client.build(Method.refresh, refreshAttributes(), { behindIntegrity }))).toBeUndefined();
    expect(scenario.server.counters.dropped('bad-fingerprint')).toBe(1);
    expect(scenario.server.population.allocations).toBe(1);
  });

  it('a request that was changed on its way gets 401', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const request = client.build(Method.refresh, refreshAttributes(600));
    request.writeUInt32BE(0, 24);
    expect(client.exchange(request)?.code).toBe(401);
    expect(scenario.server.population.allocations).toBe(1);
  });
});

const both = encodePasswordAlgorithms([sha256, md5]);

function listAndChoice(list: number[], choice: number): Attributes {
  return (writer) => {
    writer.attribute(Attribute.passwordAlgorithms, encodePasswordAlgorithms(list));
    writePasswordAlgorithm(writer, choice);
  };
}

function withUser(username: string, nonce: string): Attributes {
  return (writer) => {
    writeText(writer, Attribute.username, username);
    writeText(writer, Attribute.realm, REALM);
    writeText(writer, Attribute.nonce, nonce);
  };
}

it('the long-term key is the one of the RFC', () => {
  expect(longTermKey(md5, 'user', 'realm', 'pass').toString('hex')).toBe('8493fbc53ba582fb4c044c456bdc40eb');
});
