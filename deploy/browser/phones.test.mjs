// /dev/phone as a newcomer uses it: read, copy, answer, travel in time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Suite, eventually, named } from './suite.mjs';

let suite;
before(async () => { suite = await Suite.start(); });
after(() => suite?.stop());

test('a phone that is added gets a text here, whose code can be copied', async (t) => {
  const page = await suite.visit(t, '/dev/phone', {}, ['clipboard-read', 'clipboard-write']);
  await page.getByText('No texts yet.').waitFor();
  const { numbers: [number] } = await suite.signUp();
  const phone = page.getByRole('region', { name: number });
  await phone.waitFor(); // without a reload
  const [, code] = await suite.text(number, /@\S+ #(\d{8})/);
  await phone.getByRole('button', { name: 'Copy code ' + code }).click();
  await page.getByRole('status').getByText('Copied: ' + code).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
  await named(page);
});

test('a code that may not be copied is said', async (t) => {
  const { numbers: [number] } = await suite.signUp();
  const page = await suite.visit(t, '/dev/phone');
  await page.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); });
  const [, code] = await suite.text(number, /@\S+ #(\d{8})/);
  await page.getByRole('region', { name: number }).getByRole('button', { name: 'Copy code' }).click();
  await page.getByRole('alert').getByText(code).waitFor();
});

test('texts are grouped by number, the newest first, and filtered', async (t) => {
  const { numbers } = await suite.signUp(2);
  const page = await suite.visit(t, '/dev/phone');
  await page.getByRole('region', { name: numbers[1] }).waitFor();
  const shown = await page.locator('#phones h2').allInnerTexts();
  assert.equal(new Set(shown).size, shown.length, 'a number twice');
  assert.ok(shown.indexOf(numbers[1]) < shown.indexOf(numbers[0]) || await newest(page, numbers[0]) >= await newest(page, numbers[1]));
  for (const number of shown) {
    const times = await page.getByRole('region', { name: number }).locator('time').evaluateAll((all) => all.map((el) => el.dateTime));
    assert.deepEqual(times, [...times].sort().reverse(), 'not the newest first');
  }
  await page.getByLabel('Number').fill(numbers[0].replace('+51', '+51 '));
  await eventually('only one number', async () => (await page.locator('#phones h2').allInnerTexts()).join() === numbers[0]);
  await page.getByLabel('Number').fill('+10000000000');
  await page.getByText('No texts at this number.').waitFor();
});

const newest = (page, number) => page.getByRole('region', { name: number }).locator('time').first().getAttribute('datetime');

test('the reply NO stops a recovery (R6.1), by keyboard only, in Spanish', async (t) => {
  const ana = await suite.signUp(2);
  const recovery = await suite.recover(ana);
  const page = await suite.visit(t, '/dev/phone', { locale: 'es-PE' });
  const phone = page.getByRole('region', { name: ana.numbers[1] });
  await phone.waitFor();
  const field = phone.getByRole('textbox');
  for (let i = 0; i < 200 && !await field.evaluate((el) => el === document.activeElement); i++) await page.keyboard.press('Tab');
  assert.equal(await field.inputValue(), 'NO');
  assert.notEqual(await field.evaluate((el) => getComputedStyle(el).outlineStyle), 'none', 'the focus is invisible');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('enviado NO').waitFor();
  await eventually('vetoed', async () => await recovery.state() === 'vetoed');
  assert.ok(await phone.getByRole('button', { name: 'Responder' }).evaluate((el) => el === document.activeElement), 'the focus is lost');
});

test('what is being written survives new texts', async (t) => {
  const { numbers: [number] } = await suite.signUp();
  const page = await suite.visit(t, '/dev/phone');
  const field = page.getByRole('region', { name: number }).getByRole('textbox');
  await field.fill('half a s');
  await suite.signUp();
  await page.getByRole('status').getByText('New texts').waitFor();
  await page.keyboard.type('entence');
  assert.equal(await field.inputValue(), 'half a sentence');
});

for (const [label, seconds] of [['+10 min', 600], ['+1 h', 3600], ['+24 h', 86_400], ['+72 h', 259_200]]) {
  test('travels ' + label, async (t) => {
    const offset = async () => (await suite.call('GET', '/dev/clock')).offset_seconds;
    const start = await offset();
    const page = await suite.visit(t, '/dev/phone');
    await page.getByRole('group', { name: 'Travel forward' }).getByRole('button', { name: label, exact: true }).press('Space');
    await page.getByRole('status').getByText('It is now').waitFor();
    assert.equal(await offset() - start, seconds);
    await page.getByText(/ahead by/).waitFor();
  });
}

test('a journey that is refused says why', async (t) => {
  const page = await suite.visit(t, '/dev/phone');
  await page.locator('[data-advance="72h"]').evaluate((el) => { el.dataset.advance = '87600h'; });
  await page.getByRole('button', { name: '+72 h' }).click();
  await page.getByRole('alert').getByText('Refused:').waitFor();
  await eventually('the refusal is seen', () => page.wrong.some((w) => w.startsWith('400 ')));
  page.wrong.length = 0; // the browser reports the 400 that was asked for
});

test('a suite that is gone is said, and so is its return', async (t) => {
  const page = await suite.visit(t, '/dev/phone');
  await page.getByText(/^Clock of/).waitFor();
  await page.context().setOffline(true);
  await page.getByRole('alert').getByText("doesn't answer").waitFor();
  await page.context().setOffline(false);
  await eventually('the complaint is gone', async () => await page.getByRole('alert').innerText() === '');
  page.wrong.length = 0; // the browser reports the outage that was asked for
});
