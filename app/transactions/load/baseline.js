// Normal traffic: 100 users for ten minutes. 95 % of the requests take less than 200 ms.
//   k6 run -e URL=https://… load/baseline.js
import { sleep } from 'k6';
import { behave, remove, seed, short } from './common.js';

export const options = {
  scenarios: { users: { executor: 'constant-vus', vus: 100, duration: short ? '20s' : '10m' } },
  thresholds: {
    http_req_duration: ['p(95)<200'],
    http_req_failed: ['rate<0.01'],
    checks: ['rate>0.99'],
  },
};

export function setup() {
  return seed();
}

export default function (data) {
  behave(data);
  sleep(0.5 + Math.random());
}

export function teardown(data) {
  remove(data);
}
