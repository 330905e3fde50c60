// The pages as a newcomer meets them: whole without any other server, in two languages, in the light and in the dark.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Suite, contrast, named } from './suite.mjs';

let suite;
before(async () => { suite = await Suite.start(); });
after(() => suite?.stop());

test('/ tells a newcomer where to look first', async (t) => {
  const page = await suite.visit(t, '/');
  await page.getByRole('heading', { name: 'Where to look first' }).waitFor();
  assert.match(await page.innerText('main'), /bin\/centinela demo/);
  await page.getByRole('link', { name: 'simulated phones' }).first().click();
  await page.getByRole('heading', { name: 'Simulated phones' }).waitFor();
  await page.goBack();
  await page.getByRole('link', { name: 'API reference' }).first().click();
  await page.waitForURL('**/docs');
});

test('/docs shows every operation, offline', async (t) => {
  const page = await suite.visit(t, '/docs');
  await page.locator('.opblock').first().waitFor();
  const { paths } = await (await fetch(suite.base + '/openapi.json')).json();
  const operations = Object.values(paths).flatMap((item) => Object.keys(item).filter((key) => /^(get|put|post|delete|patch)$/.test(key)));
  assert.equal(await page.locator('.opblock').count(), operations.length);
  assert.ok(operations.length >= 30);
  await named(page);
});

test('/docs tries an operation out', async (t) => {
  const page = await suite.visit(t, '/docs#/development/getClock');
  await page.getByRole('button', { name: 'Try it out' }).click();
  await page.getByRole('button', { name: 'Execute' }).click();
  await page.locator('.live-responses-table').getByText('offset_seconds').first().waitFor();
});

test('/docs can be read in the dark', async (t) => {
  const page = await suite.visit(t, '/docs', { colorScheme: 'dark' });
  await page.locator('.opblock').first().waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor), 'rgb(20, 23, 27)');
  assert.match(await page.evaluate(() => getComputedStyle(document.body).filter), /invert/);
});

const headings = {
  '/': ['Where to look first', 'Por dónde empezar'],
  '/dev/phone': ['Simulated phones', 'Teléfonos simulados'],
  '/veto': ['Is somebody trying to get into your account?', '¿Alguien quiere entrar en su cuenta?'],
};
for (const [path, [english, spanish]] of Object.entries(headings)) {
  for (const [locale, heading] of [['en-US', english], ['es-PE', spanish], ['fr-FR', english]]) {
    for (const colorScheme of ['light', 'dark']) {
      test(`${path} ${locale} ${colorScheme}`, async (t) => {
        const page = await suite.visit(t, path, { locale, colorScheme });
        await page.getByRole('heading', { name: heading }).waitFor();
        assert.equal(await page.getAttribute('html', 'lang'), heading === spanish ? 'es' : 'en');
        if (heading === spanish) {
          assert.doesNotMatch(await page.innerText('body'), /\b(the|your|where|texts)\b/i, 'English in the Spanish page');
        }
        await named(page);
        const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 27)');
        assert.equal(dark, colorScheme === 'dark');
        for (const selector of ['h1', 'p.lead', 'a', 'button']) {
          if (await page.locator(selector).count()) assert.ok(await contrast(page, selector) >= 4.5, `${selector} is hard to read`);
        }
      });
    }
  }
}
