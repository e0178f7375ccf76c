// What the load tests share. URL is where the service answers; SHORT=1 takes the short form. The variable API_KEY of the
// environment is sent along; with `-e` everybody who lists processes would see it.
import http from 'k6/http';
import { check } from 'k6';

export const url = __ENV.URL || 'http://127.0.0.1:8080';
export const short = __ENV.SHORT === '1';

const key = __ENV.API_KEY ? { Authorization: `Bearer ${__ENV.API_KEY}` } : {};
const json = { headers: { ...key, 'Content-Type': 'application/json' } };

function asking(name) {
  return { headers: key, tags: { name } };
}

function amount() {
  return `${Math.floor(Math.random() * 1000)}.${String(Math.floor(Math.random() * 100)).padStart(2, '0')}`;
}

export function post() {
  const body = JSON.stringify({ amount: amount(), description: 'load test' });
  const answer = http.post(`${url}/transaction`, body, { ...json, tags: { name: 'post' } });
  check(answer, { 'posted': (r) => r.status === 201 });
  return answer.status === 201 ? answer.json('id') : null;
}

// Some transactions to read.
export function seed() {
  const ids = [];
  for (let i = 0; i < 100; i += 1) {
    const id = post();
    if (id !== null) {
      ids.push(id);
    }
  }
  return { ids };
}

// A user who mostly reads: of ten requests six ask for one transaction, three for the list, and one posts.
export function behave(data) {
  const dice = Math.random();
  if (dice < 0.6) {
    const id = data.ids[Math.floor(Math.random() * data.ids.length)];
    const answer = http.get(`${url}/transaction/${id}`, asking('get'));
    check(answer, { 'found': (r) => r.status === 200 });
  } else if (dice < 0.9) {
    const answer = http.get(`${url}/transaction?limit=100`, asking('list'));
    check(answer, { 'listed': (r) => r.status === 200 });
  } else {
    post();
  }
}

export function remove(data) {
  data.ids.forEach((id) => http.del(`${url}/transaction/${id}`, null, asking('delete')));
}
