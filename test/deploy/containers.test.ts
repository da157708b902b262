import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEnvironment } from '../../src/config/environment.ts';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { settings } from '../../src/config/settings.ts';
import { pathOf, textOf, yamlOf } from './repository-files.ts';

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions of the Dockerfile, stage by stage, with continued lines put together. */
function stages(): Instruction[][] {
  const lines = textOf('docker/Dockerfile')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const found: Instruction[][] = [];
  for (const line of lines) {
    const [, name, text] = /^([A-Z]+)\s+(.*)$/.exec(line)!;
    if (name === 'FROM') found.push([]);
    found.at(-1)!.push({ name: name!, text: text!.replaceAll(/\s+/g, ' ') });
  }
  return found;
}

function textsOf(stage: readonly Instruction[], name: string): string[] {
  return stage.filter((instruction) => instruction.name === name).map(({ text }) => text);
}

/** The problems that the daemon would have with these variables. */
function problemsOf(environment: Record<string, string>): string[] {
  return readEnvironment(settings, environment).problems.map(({ reason }) => reason ?? 'a problem');
}

describe('the image', () => {
  const [builder, final] = stages() as [Instruction[], Instruction[]];

  it('is built in two stages, the last of which has neither npm nor a compiler', () => {
    expect(stages()).toHaveLength(2);
    expect(final[0]!.text).toBe('debian:bookworm-slim');
    const ran = textsOf(final, 'RUN').join(' ');
    expect(ran).not.toMatch(/\bnpm\b|\bg?cc\b|g\+\+|build-essential|\bmake\b|curl/);
    const copied = textsOf(final, 'COPY').map((text) => text.split(' ').slice(0, 2));
    expect(copied).toEqual([
      ['--from=builder', '/usr/local/bin/node'],
      ['--from=builder', '/build'],
    ]);
  });

  it('runs no script of a package while it is built', () => {
    const commands = textsOf(builder, 'RUN').flatMap((text) => text.match(/npm (ci|install|prune)[^&]*/g) ?? []);
    expect(commands.length).toBeGreaterThan(1);
    for (const command of commands) expect(command).toContain('--ignore-scripts');
  });

  it('leaves out nothing that is copied by name, and takes in what the build needs', () => {
    const taken = textOf('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const path of taken) expect(existsSync(pathOf(path)), path).toBe(true);
    const named = textsOf(builder, 'COPY').flatMap((text) => text.split(' ').slice(0, -1));
    const needed = [...named.filter((path) => path !== '.'), 'tsconfig.json', 'tsconfig.build.json', 'bin', 'src'];
    expect(taken).toEqual(expect.arrayContaining(needed));
  });

  it('runs as somebody without rights, who owns the data directory and nothing else', () => {
    expect(textsOf(final, 'USER')).toEqual(['10001:10001']);
    expect(textsOf(final, 'VOLUME')).toEqual(['/var/lib/taciturn']);
    const environment = textsOf(final, 'ENV').join(' ');
    expect(environment).toContain('STATE_DIRECTORY=/var/lib/taciturn');
    expect(environment).not.toContain('TACITURN_');
  });

  it('starts Node itself, so that signals reach it, and asks after its health without a shell', () => {
    expect(JSON.parse(textsOf(final, 'ENTRYPOINT')[0]!)).toEqual(['node', '/opt/taciturn/bin/taciturn.js']);
    expect(JSON.parse(textsOf(final, 'CMD')[0]!)).toEqual(['serve']);
    const [, command] = /CMD (\[.*\])$/.exec(textsOf(final, 'HEALTHCHECK')[0]!)!;
    expect(JSON.parse(command!).slice(0, 2)).toEqual(['node', '--eval']);
  });
});

describe('the compose file', () => {
  const [compose] = yamlOf('docker/compose.yaml');
  const services: [string, Record<string, never>][] = Object.entries(compose.services);

  it('has the daemon and what watches it', () => {
    expect(services.map(([name]) => name).sort()).toEqual(['grafana', 'prometheus', 'redis', 'taciturn']);
  });

  it.each(services)('gives %s no rights and no writable root', (_name, service) => {
    expect(service).toMatchObject({
      network_mode: 'host',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(service).not.toHaveProperty('ports');
    expect(service).not.toHaveProperty('cap_add');
  });

  it('binds all but the daemon to loopback', () => {
    expect(compose.services.redis.command.join(' ')).toContain('--bind 127.0.0.1');
    expect(compose.services.prometheus.command).toContain('--web.listen-address=127.0.0.1:9090');
    expect(compose.services.grafana.environment.GF_SERVER_HTTP_ADDR).toBe('127.0.0.1');
  });

  it('configures the daemon by keys that there are', () => {
    expect(problemsOf(compose.services.taciturn.environment)).toEqual([]);
    expect(problemsOf({ TACITURN_STORE__RADIS_FILE: 'x' })).not.toEqual([]);
  });

  it('has no secret in it, mounts files that exist and volumes that are declared', () => {
    for (const [name, service] of services) {
      const { secrets = [], volumes = [] } = service as { secrets?: string[]; volumes?: string[] };
      for (const secret of secrets) expect(Object.keys(compose.secrets), name).toContain(secret);
      for (const [source] of volumes.map((volume) => volume.split(':'))) {
        if (source!.startsWith('.')) expect(existsSync(pathOf(join('docker', source!))), source).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
    expect(JSON.stringify(compose)).not.toMatch(/requirepass|redis:\/\/:/);
    expect(textOf('docker/.gitignore')).toMatch(/^secrets\/$/m);
  });

  it('has Prometheus ask where the daemon answers, and Grafana ask Prometheus', () => {
    const [{ scrape_configs: jobs, rule_files: rules }] = yamlOf('docker/prometheus.yml');
    expect(jobs[0]).toMatchObject({ job_name: 'taciturn', static_configs: [{ targets: ['127.0.0.1:8080'] }] });
    expect(rules).toEqual(['alerts.yml']);
    const [{ datasources }] = yamlOf('docker/grafana/provisioning/datasources/prometheus.yaml');
    expect(datasources[0]).toMatchObject({ uid: 'prometheus', url: 'http://127.0.0.1:9090' });
    const [{ providers }] = yamlOf('docker/grafana/provisioning/dashboards/taciturn.yaml');
    const mounts: string[] = compose.services.grafana.volumes;
    expect(mounts).toContain(`./grafana/dashboards:${providers[0].options.path}:ro`);
  });
});

describe('the example for Kubernetes', () => {
  const documents = yamlOf('config/kubernetes.yaml', '1.1');
  const ofKind = (kind: string) => documents.find((document) => document.kind === kind);
  const pod = ofKind('DaemonSet').spec.template.spec;
  const [container] = pod.containers;
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'taciturn-kubernetes-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('has a configuration that the daemon accepts', () => {
    writeFileSync(join(directory, 'shared-secrets'), `${randomBytes(32).toString('base64')}\n`);
    writeFileSync(join(directory, 'redis-url'), 'rediss://user:password@redis.example.org:6379/0\n');
    const file = join(directory, 'taciturn.yaml');
    writeFileSync(file, ofKind('ConfigMap').data['taciturn.yaml'].replaceAll('/etc/taciturn-secrets', directory));
    const variables: { name: string; value?: string }[] = container.env;
    const environment = Object.fromEntries(
      variables
        .filter(({ value }) => value !== undefined)
        .map(({ name, value }) => [name, value!.replace('$(NODE_ADDRESS)', '198.51.100.7')]),
    );
    const loaded = loadConfiguration({ file, environment });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const { listen, http, shutdown } = loaded.configuration;
    expect(listen.addresses).toEqual(['198.51.100.7']);
    expect(http.host).toBe('198.51.100.7');
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(shutdown.deadlineMilliseconds);
    const ports = new Map<string, number>(
      container.ports.map(({ name, containerPort }: { name: string; containerPort: number }) => [name, containerPort]),
    );
    expect(ports.get('https')).toBe(http.port);
    expect(ports.get('turn-udp')).toBe(listen.port);
    expect(ports.get('turn-tls')).toBe(loaded.configuration.tls.port);
  });

  it('gives the daemon no rights, no writable root and no account of the cluster', () => {
    expect(pod).toMatchObject({ hostNetwork: true, automountServiceAccountToken: false });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001 });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('mounts volumes that there are, secrets for nobody else', () => {
    const volumes = new Map<string, Record<string, never>>(
      pod.volumes.map((volume: { name: string }) => [volume.name, volume]),
    );
    for (const { name } of container.volumeMounts) expect([...volumes.keys()]).toContain(name);
    for (const name of ['secrets', 'tls']) {
      expect(volumes.get(name)).toMatchObject({ secret: { defaultMode: 0o440 } });
    }
  });

  it('asks after the daemon at the routes that tell', () => {
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'https', scheme: 'HTTPS' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'https', scheme: 'HTTPS' });
    expect(ofKind('Service').spec.selector).toEqual(ofKind('DaemonSet').spec.template.metadata.labels);
  });
});
