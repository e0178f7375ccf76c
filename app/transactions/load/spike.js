// A sudden crowd: from 10 to 500 users within a minute, and back. No request fails, whatever it takes.
import { sleep } from 'k6';
import { behave, remove, seed, short } from './common.js';

const stages = short
  ? [['3s', 10], ['3s', 500], ['8s', 500], ['3s', 10], ['3s', 10]]
  : [['1m', 10], ['1m', 500], ['5m', 500], ['10s', 10], ['2m', 10]];

export const options = {
  scenarios: {
    crowd: {
      executor: 'ramping-vus',
      startVUs: 10,
      stages: stages.map(([duration, target]) => ({ duration, target })),
    },
  },
  thresholds: {
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
