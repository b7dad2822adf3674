/** The files of gateway/deploy/ fit the program: what they name exists, and their times go together. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { type Config, loadConfig } from '../../gateway/config/config.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTestServer, until } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEPLOY = join(ROOT, 'gateway/deploy');
/** What a process may take to stop beyond its drain. */
const STOP_SLACK_S = 15;

const folder = mkdtempSync(join(tmpdir(), 'presence-kit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (path: string): string => readFileSync(join(DEPLOY, path), 'utf8');

// biome-ignore lint/suspicious/noExplicitAny: each file has a form of its own, and a test fails where it has another.
type Yaml = any;

function documents(path: string): Yaml[] {
  return parseAllDocuments(read(path)).map((document) => {
    expect([path, document.errors, document.warnings]).toEqual([path, [], []]);
    return document.toJS();
  });
}

const kinds = (path: string): Record<string, Yaml> =>
  Object.fromEntries(documents(path).map((document) => [document.kind, document]));

const drainS = ({ drainDelayMs = 2_000, drainMs }: Config): number => (drainDelayMs + drainMs) / 1_000;
const seconds = (text: string): number => Number(/^(\d+)s$/.exec(text)?.[1]);

test('every YAML file can be read', () => {
  const files = readdirSync(DEPLOY, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
  expect(files.length).toBeGreaterThan(7);
  for (const file of files) expect(documents(file).length).toBeGreaterThan(0);
});

test('compose: settings are valid, files are there, and processes have the time to drain', () => {
  const [{ services }] = documents('compose.yaml') as [Yaml];
  const gateway = services['gateway-1'];
  const config = loadConfig(gateway.environment, []);
  expect(seconds(gateway.stop_grace_period)).toBeGreaterThan(drainS(config));
  expect(existsSync(join(resolve(DEPLOY, gateway.build), 'Dockerfile'))).toBe(true);
  const mounts = Object.values(services).flatMap((service) => (service as Yaml).volumes ?? []) as string[];
  const files = mounts.map((mount) => mount.split(':')[0] as string).filter((path) => path.startsWith('.'));
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((path) => !existsSync(join(DEPLOY, path)))).toEqual([]);
  const [, rules = ''] = /^ACL SETUSER presence on >PASSWORD (.*)$/m.exec(read('OPERATIONS.md')) ?? [];
  expect(services.redis.command.join(' ')).toContain(rules);
  const [{ scrape_configs: jobs }] = documents('prometheus/prometheus.yaml') as [Yaml];
  expect(jobs[0].static_configs[0].targets).toEqual(
    ['gateway-1', 'gateway-2'].map((name) => `${name}:${config.adminPort}`),
  );
});

test('Kubernetes: settings are valid, ports and probes are those of the process, times go together', async () => {
  const { ConfigMap, Secret } = kinds('kubernetes/settings.yaml');
  const env = { ...ConfigMap.data } as Record<string, string>;
  for (const [name, path] of Object.entries(env).filter(([name]) => name.endsWith('_FILE'))) {
    const key = path.replace('/run/secrets/presence/', '');
    writeFileSync(join(folder, key), Secret.stringData[key]);
    env[name] = join(folder, key);
  }
  const config = loadConfig(env, []);
  const { Deployment, Service, PodDisruptionBudget } = kinds('kubernetes/gateway.yaml');
  const { HorizontalPodAutoscaler } = kinds('kubernetes/scaling.yaml');
  const { spec } = Deployment.spec.template;
  const [container] = spec.containers;
  const ports = Object.fromEntries(container.ports.map((port: Yaml) => [port.name, port.containerPort]));
  expect(ports).toEqual({ players: config.wsPort, http: config.httpPort, admin: config.adminPort });
  expect(Service.spec.ports.map((port: Yaml) => port.port)).toEqual([config.wsPort, config.httpPort]);
  const preStopS = Number(container.lifecycle.preStop.exec.command[1]);
  expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(preStopS + drainS(config) + STOP_SLACK_S);
  const { labels } = Deployment.spec.template.metadata;
  for (const { spec } of [Deployment, PodDisruptionBudget]) expect(spec.selector.matchLabels).toEqual(labels);
  expect(Service.spec.selector).toEqual(labels);
  expect(HorizontalPodAutoscaler.spec.scaleTargetRef.name).toBe(Deployment.metadata.name);
  const mounted = container.volumeMounts[0];
  expect(env.REDIS_URL_FILE).toBeDefined();
  expect(ConfigMap.data.REDIS_URL_FILE.startsWith(mounted.mountPath)).toBe(true);

  const server = await startTestServer({ ADMIN_PORT: '0' });
  try {
    for (const probe of [container.readinessProbe, container.livenessProbe]) {
      const { path, port } = probe.httpGet;
      expect(port).toBe('admin');
      expect((await fetch(`http://127.0.0.1:${server.adminPort}${path}`)).status).toBe(200);
    }
  } finally {
    await server.stop(0);
  }
  for (const path of documents('kubernetes/kustomization.yaml')[0].resources) {
    expect(existsSync(join(DEPLOY, 'kubernetes', path))).toBe(true);
  }
});

test('systemd: the script is there, the drain has its time, and systemd takes the unit', () => {
  const unit = read('presence-gateway.service');
  const [, script = ''] = /^ExecStart=\/usr\/bin\/node (\S+)$/m.exec(unit) ?? [];
  expect(existsSync(join(ROOT, script))).toBe(true);
  const [, stopS] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
  expect(Number(stopS)).toBeGreaterThanOrEqual(Math.floor(drainS(loadConfig({}, []))) + STOP_SLACK_S);
  const verified = spawnSync('systemd-analyze', ['verify', join(DEPLOY, 'presence-gateway.service')], {
    encoding: 'utf8',
  });
  // Not on every machine, and it also looks for the program.
  const words = (verified.stderr ?? '')
    .split('\n')
    .filter((line) => line.includes('presence-gateway') && !line.includes('/usr/bin/node'));
  expect(words).toEqual([]);
});

test('balancers wait for longer than two pings are apart', () => {
  const { pingIntervalMs } = loadConfig({}, []);
  const waits = [
    ...read('haproxy.cfg').matchAll(/timeout tunnel (\d+)s/g),
    ...read('nginx.conf').matchAll(/proxy_(?:read|send)_timeout (\d+)s/g),
  ].map(([, s]) => Number(s) * 1_000);
  expect(waits).toHaveLength(3);
  for (const wait of waits) expect(wait).toBeGreaterThan(2 * pingIntervalMs);
});

/** By name: its labels, and that it is there. */
async function metricsOf(url: string): Promise<Map<string, Set<string>>> {
  const metrics = new Map<string, Set<string>>();
  for (const line of (await (await fetch(url)).text()).split('\n')) {
    const [, declared] = /^# TYPE (\w+)/.exec(line) ?? [];
    if (declared !== undefined) metrics.set(declared, metrics.get(declared) ?? new Set());
    const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (line.startsWith('#') || name === '') continue;
    const known = metrics.get(name) ?? new Set();
    for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label as string);
    metrics.set(name, known);
  }
  return metrics;
}

/** The name and the label comparisons of each metric in an expression. */
function metricsIn(expression: string): { name: string; labels: string[] }[] {
  return [...expression.matchAll(/\b((?:presence|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].map(([, name, labels]) => ({
    name: name as string,
    labels: [...(labels ?? '').matchAll(/(\w+)=/g)].map(([, label]) => label as string),
  }));
}

test('every metric, and every label, that alerts and dashboard name exists', async () => {
  const redis = await startRedis();
  const server = await startTestServer({
    REDIS_URL: redis.url,
    PRESENCE_SHARDS: '2',
    REPLICA: 'on',
    DATABASE_URL: `sqlite:${join(folder, 'presence.db')}`,
  });
  try {
    await server.post('/heartbeat', { userId: 'u', sessionId: 's', streamId: 't' });
    // Those of the log's reach have no figure before the writer has looked at it.
    let metrics = new Map<string, Set<string>>();
    await until(async () => {
      metrics = await metricsOf(`http://127.0.0.1:${server.httpPort}/metrics`);
      return metrics.has('presence_http_requests_total');
    });
    const [{ groups }] = documents('prometheus/alerts.yaml') as [Yaml];
    const alerts = groups.flatMap((group: Yaml) => group.rules.map((rule: Yaml) => rule.expr as string));
    const { panels } = JSON.parse(read('grafana/presence.json')) as Yaml;
    const shown = panels.flatMap((panel: Yaml) => panel.targets.map((target: Yaml) => target.expr as string));
    const { metric } = kinds('kubernetes/scaling.yaml').HorizontalPodAutoscaler.spec.metrics[0].pods;
    const all = [...alerts, ...shown, metric.name].flatMap(metricsIn);
    expect(all.length).toBeGreaterThan(50);
    // Prometheus gives each the name of its job.
    const ofProm = new Set(['job', 'instance']);
    const missing = all.filter(({ name, labels }) => {
      const known = metrics.get(name);
      return known === undefined || labels.some((label) => !ofProm.has(label) && !known.has(label));
    });
    expect(missing).toEqual([]);
    // What is summed by a label has it.
    const grouped = [...alerts, ...shown].flatMap((expression: string) => {
      const by = [...expression.matchAll(/by \(([\w, ]+)\)/g)].flatMap(([, labels]) => (labels as string).split(', '));
      const known = metricsIn(expression).flatMap(({ name }) => [...(metrics.get(name) ?? [])]);
      return by.filter((label) => !ofProm.has(label) && !known.includes(label)).map((label) => [label, expression]);
    });
    // Errors have labels once there is one.
    expect(grouped.filter(([, expression]) => !String(expression).includes('store_errors_total'))).toEqual([]);
  } finally {
    await server.stop(0);
    await redis.stop();
  }
});

test('dashboard: panels have ids of their own, and do not overlap', () => {
  const { panels } = JSON.parse(read('grafana/presence.json')) as Yaml;
  const places = panels.map(({ gridPos: { x, y } }: Yaml) => `${x} ${y}`);
  expect(new Set(places).size).toBe(panels.length);
  expect(new Set(panels.map((panel: Yaml) => panel.id)).size).toBe(panels.length);
});

test('Grafana and its provisioning name one data source', () => {
  const [{ datasources }] = documents('grafana/provisioning.yaml') as [Yaml];
  const { panels } = JSON.parse(read('grafana/presence.json')) as Yaml;
  expect(new Set(panels.map((panel: Yaml) => panel.datasource.uid))).toEqual(new Set([datasources[0].uid]));
  expect(dirname('/var/lib/grafana/dashboards/presence.json')).toBe(
    documents('grafana/dashboards.yaml')[0].providers[0].options.path,
  );
});
