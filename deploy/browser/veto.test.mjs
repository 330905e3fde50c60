// The page behind the link of a text: it stops a real recovery, and only by the button.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Suite, eventually, named } from './suite.mjs';

let suite;
before(async () => { suite = await Suite.start(); });
after(() => suite?.stop());

test('the link of the text stops the recovery (R6.1), once, by keyboard', async (t) => {
  const ana = await suite.signUp(2);
  const recovery = await suite.recover(ana);
  const [, token] = await suite.text(ana.numbers[1], /\/veto#(\S+)/);
  const page = await suite.visit(t, '/veto#' + token);
  const sent = [];
  page.on('request', (r) => sent.push(r.url()));
  await named(page);
  assert.equal(await recovery.state(), 'waiting'); // a link preview opens links too
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('It is stopped.').waitFor();
  await eventually('vetoed', async () => await recovery.state() === 'vetoed');
  assert.ok(sent.every((url) => !url.includes(token)), 'the token stands in an address');
  assert.equal(await page.getByRole('button').count(), 0);
});

test('a link that is used or unknown says so, in Spanish', async (t) => {
  const page = await suite.visit(t, '/veto#AAAAAAAAAAAAAAAAAAAAAA', { locale: 'es-PE' });
  await page.getByRole('button', { name: 'No fui yo' }).click();
  await page.getByRole('status').getByText('ya se usó').waitFor();
  await eventually('the refusal is seen', () => page.wrong.some((w) => w.startsWith('404 ')));
  page.wrong.length = 0; // the browser reports the 404 that was asked for
});

test('a link without its token asks for nothing', async (t) => {
  const page = await suite.visit(t, '/veto');
  await page.getByRole('button', { name: "It wasn't me" }).click();
  await page.getByRole('status').getByText('not whole').waitFor();
});

test('without a connection it says that nothing is stopped yet', async (t) => {
  const page = await suite.visit(t, '/veto#AAAAAAAAAAAAAAAAAAAAAA');
  await page.context().setOffline(true);
  await page.getByRole('button', { name: "It wasn't me" }).click();
  await page.getByRole('status').getByText('not stopped yet').waitFor();
  assert.equal(await page.getByRole('button').count(), 1); // to try again
  page.wrong.length = 0; // the browser reports the outage that was asked for
});
