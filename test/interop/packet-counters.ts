import type { NetworkNamespace } from './network-namespaces.ts';

/** Rules of nftables in one namespace, and what they count. */
export class PacketRules {
  readonly #namespace: NetworkNamespace;
  #tables = 0;

  constructor(namespace: NetworkNamespace) {
    this.#namespace = namespace;
  }

  /**
   * Adds rules where packets pass.
   *
   * @param hook such as `output`.
   * @param rules such as `udp dport 3478 ip ttl set 40`.
   */
  add(hook: 'prerouting' | 'input' | 'forward' | 'output', rules: readonly string[]): void {
    const table = `inet rules${this.#tables++}`;
    // Before the kernel puts fragments together.
    const chain = `type filter hook ${hook} priority -450;`;
    const text = [`table ${table} {`, 'chain packets {', chain, ...rules, '}', '}', ''].join('\n');
    this.#namespace.run('nft', ['-f', '-'], text);
  }

  /** How many packets each rule with this comment has counted. */
  count(comment: string): number {
    const { nftables } = JSON.parse(this.#namespace.run('nft', ['-j', 'list', 'ruleset'])) as {
      nftables: readonly { rule?: { comment?: string; expr: readonly { counter?: { packets: number } }[] } }[];
    };
    return nftables
      .filter(({ rule }) => rule?.comment === comment)
      .flatMap(({ rule }) => rule!.expr)
      .reduce((sum, { counter }) => sum + (counter?.packets ?? 0), 0);
  }

  clear(): void {
    this.#namespace.run('nft', ['flush', 'ruleset']);
  }
}
