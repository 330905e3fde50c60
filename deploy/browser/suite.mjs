// The suite under test, people who use its API, and a browser that watches what pages do.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const binary = process.env.CENTINELA_BIN || fileURLToPath(new URL('../../bin/centinela', import.meta.url));
const serve = process.env.CENTINELA_SERVE || fileURLToPath(new URL('../../bin/suite-serve', import.meta.url));
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** eventually asks again until check returns something, and fails with what it said last. */
export async function eventually(what, check, within = 20_000) {
  const end = Date.now() + within;
  for (;;) {
    const got = await check();
    if (got) return got;
    if (Date.now() > end) assert.fail(`${what}: not within ${within} ms`);
    await new Promise((again) => setTimeout(again, 50));
  }
}

/** Suite is a whole Centinela on free ports and an empty folder, run by deploy/suite/serve, and a browser in front of it. */
export class Suite {
  static async start() {
    const suite = new Suite();
    suite.process = spawn(serve, [binary], { stdio: ['pipe', 'pipe', 'inherit'] });
    suite.ended = new Promise((done) => { suite.process.on('exit', done).on('error', done); });
    try {
      const { value: line } = await createInterface({ input: suite.process.stdout })[Symbol.asyncIterator]().next();
      if (!line) assert.fail(`the suite did not start: exit code ${await suite.ended}`);
      suite.base = JSON.parse(line).url;
      suite.browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: flags });
    } catch (error) {
      await suite.stop();
      throw error;
    }
    return suite;
  }

  async stop() {
    await this.browser?.close();
    this.process.stdin.end();
    assert.equal(await this.ended, 0, 'how the suite stopped');
  }

  /** call sends a request to the API, and fails on an answer that is no success. */
  async call(method, path, body, authorization) {
    const answer = await fetch(this.base + path, {
      method,
      headers: { ...(body && { 'Content-Type': 'application/json' }), ...(authorization && { Authorization: authorization }) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  /** text waits for a text to number that matches and pleases, and returns the match. */
  text(number, pattern, pleases = Boolean) {
    return eventually(`a text to ${number} like ${pattern}`, async () => {
      const { texts } = await this.call('GET', '/dev/phone?number=' + encodeURIComponent(number));
      return texts.map((t) => pattern.exec(t.body)).find((match) => match && pleases(match));
    });
  }

  /** signUp is a new person with a proved number, or two: the first a year older and proved lately, the second out of quarantine. */
  async signUp(phones = 1) {
    const name = 'p' + randomBytes(6).toString('hex'), password = randomBytes(18).toString('hex'), numbers = [], codes = new Set();
    await this.call('POST', '/v1/accounts', { user_name: name, password, locale: 'en' });
    const signIn = async () => 'Bearer ' + (await this.call('POST', '/v1/sessions', { identifier: name, password })).access_token;
    const prove = async (token, id, number) => {
      const [, code] = await this.text(number, /@\S+ #(\d{8})/, ([, code]) => !codes.has(code));
      codes.add(code);
      await this.call('POST', `/v1/me/phones/${id}/verification`, { code }, token);
      return id;
    };
    const add = async () => {
      const token = await signIn(), number = '+519' + randomInt(10_000_000, 99_999_999);
      numbers.push(number);
      return prove(token, (await this.call('POST', '/v1/me/phones', { number }, token)).id, number);
    };
    const first = await add();
    if (phones > 1) {
      await this.travel(365);
      await add();
      await this.travel(60);
      const token = await signIn();
      await this.call('POST', `/v1/me/phones/${first}/codes`, null, token);
      await prove(token, first, numbers[0]);
    }
    return { name, password, numbers };
  }

  travel(days) { return this.call('POST', '/dev/clock', { advance: days * 24 + 'h' }); }

  /** recover starts a recovery of somebody with nothing but the code of the oldest number: it has to wait. */
  async recover({ name, numbers }) {
    const { recovery, secret } = await this.call('POST', '/v1/recoveries', { identifier: name });
    const path = '/v1/recoveries/' + recovery.id, mine = 'Recovery ' + secret;
    await this.call('POST', path + '/codes', {}, mine);
    const [, code] = await this.text(numbers[0], /RECOVER[^]*@\S+ #(\d{8})/);
    const { state } = await this.call('POST', path + '/evidence', { method: 'sms', code }, mine);
    assert.equal(state, 'waiting');
    return { state: async () => (await this.call('GET', path, null, mine)).state };
  }

  /** visit opens path as a person with these preferences, and holds against the page what it does wrong. */
  async visit(t, path, preferences = {}, permissions = []) {
    const context = await this.browser.newContext({ locale: 'en-US', colorScheme: 'light', ...preferences });
    await context.grantPermissions(permissions, { origin: this.base });
    const page = await context.newPage(), wrong = [];
    page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) wrong.push('console: ' + m.text()); });
    page.on('pageerror', (error) => wrong.push('uncaught: ' + error.message));
    page.on('request', (r) => { if (!/^(data|blob):/.test(r.url()) && !r.url().startsWith(this.base + '/')) wrong.push('another origin: ' + r.url()); });
    page.on('response', (r) => { if (r.status() >= 400) wrong.push(`${r.status()} ${r.url()}`); });
    await page.addInitScript(() => {
      addEventListener('securitypolicyviolation', (v) => console.error(`CSP: ${v.violatedDirective} ${v.blockedURI}`));
    });
    page.wrong = wrong;
    t.after(async () => {
      await context.close();
      assert.deepEqual(wrong, [], 'what ' + path + ' did wrong');
    });
    await page.goto(this.base + path);
    return page;
  }
}

const controls = new Set(['button', 'link', 'textbox', 'combobox', 'checkbox', 'radio', 'searchbox']);

/** named checks that whoever can't see is told what each control is. */
export async function named(page) {
  const client = await page.context().newCDPSession(page);
  const { nodes } = await client.send('Accessibility.getFullAXTree');
  const seen = nodes.filter((n) => !n.ignored && controls.has(n.role?.value));
  assert.ok(seen.length > 0, 'no control at all');
  assert.deepEqual(seen.filter((n) => !n.name?.value?.trim()).map((n) => n.role.value), [], 'controls without a name');
  await client.detach();
  return seen.length;
}

/** contrast is the ratio of the text's and the page's luminance (WCAG 2.2 §1.4.3 wants 4.5). */
export function contrast(page, selector) {
  return page.locator(selector).first().evaluate((el) => {
    const luminance = (colour) => {
      const [r, g, b] = colour.match(/[\d.]+/g).map((v) => { const c = v / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let behind = el;
    while (behind.parentElement && /, 0\)$/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    const pair = [getComputedStyle(el).color, getComputedStyle(behind).backgroundColor].map(luminance).sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  });
}
