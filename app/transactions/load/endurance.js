// Hours of traffic: 200 users. The service's memory after it is within 10 % of what it was after warm-up.
// Memory is process_resident_memory_bytes of /metrics. A load balancer does not forward that; METRICS_URL is then the
// address of a container.
import http from 'k6/http';
import { sleep } from 'k6';
import { Trend } from 'k6/metrics';
import { behave, remove, seed, short, url } from './common.js';

const metricsUrl = __ENV.METRICS_URL || url;
const memoryGrowth = new Trend('memory_growth_percent');
const warmUp = short ? 15 : 300;
const total = short ? 45 : 7200;

export const options = {
  scenarios: {
    users: { executor: 'constant-vus', vus: 200, duration: `${total}s` },
    memory: {
      executor: 'per-vu-iterations', vus: 1, iterations: 1, exec: 'watchMemory', maxDuration: `${total + 120}s`,
    },
  },
  thresholds: {
    memory_growth_percent: ['max<10'],
    http_req_failed: ['rate<0.01'],
  },
};

function residentBytes() {
  const text = http.get(`${metricsUrl}/metrics`, { tags: { name: 'metrics' } }).body;
  const line = text.split('\n').find((each) => each.startsWith('process_resident_memory_bytes '));
  if (!line) {
    throw new Error('/metrics has no process_resident_memory_bytes: run the service with one worker');
  }
  return Number(line.split(' ')[1]);
}

export function setup() {
  return seed();
}

export default function (data) {
  behave(data);
  sleep(0.5 + Math.random());
}

export function watchMemory() {
  sleep(warmUp);
  const before = residentBytes();
  sleep(total - warmUp - 2);
  memoryGrowth.add((residentBytes() / before - 1) * 100);
}

export function teardown(data) {
  remove(data);
}
