// A file of contacts is dropped; whoever of them calls is shown as who they are, and no name in it does harm.
import { until } from '../browser.mjs';

const FILE = [
  'phone,first_name,last_name,tags,metadata.company',
  '+447700900123,"<img src=x onerror=""window.harmed=1"">",Zoë 👩‍🚀,vip;=cmd(),Harbour Logistics',
  '+447700900124,مريم,العلي,,',
  '12,Nobody,At All,,',
  '+447700900124,Maryam,,,',
].join('\r\n');

export default async function file(cast) {
  const desk = await cast.desk({ hz: 600 });
  await desk.press('to-contacts');
  await desk.page.getByRole('link', { name: 'Import' }).click();
  const buffer = Buffer.from(FILE);
  await desk.at('import-file').setInputFiles({ name: 'contacts.csv', mimeType: 'text/csv', buffer });
  await desk.at('import').and(desk.page.locator('[data-status=completed]')).waitFor();
  await desk.says('import', /4 of 4 rows: 2 new · 1 changed · 1 rejected/);
  const rejected = await desk.page.evaluate(async () => {
    const link = document.querySelector('[data-testid=rejected]');
    return (await fetch(link.href)).text();
  });
  if (!/^4,|,4,|"4"/m.test(rejected) || !rejected.includes('Nobody')) throw new Error(`rejected rows: ${rejected}`);

  await desk.page.getByRole('link', { name: 'Contacts' }).last().click();
  await desk.at('contact-search').fill('Zoë');
  await desk.at('contact').filter({ hasText: '<img src=x onerror="window.harmed=1"> Zoë 👩‍🚀' }).waitFor();
  await desk.at('contact-search').fill('Maryam');
  await desk.at('contact').filter({ hasText: 'Maryam العلي' }).waitFor();

  const phone = await cast.phone({ hz: 900 });
  await phone.press('phone-call');
  await desk.at('incoming-card').filter({ hasText: '<img src=x onerror="window.harmed=1"> Zoë 👩‍🚀' }).waitFor();
  await desk.at('caller-company').filter({ hasText: 'Harbour Logistics' }).waitFor();
  await desk.answer();
  await desk.hears(900);
  await desk.press('hangup');
  await desk.at('end-reason').waitFor();
  await until('the call to be listed by name', async () => (await desk.at('recent-row').first().textContent()).includes('Zoë'));
  if (await desk.page.evaluate(() => window.harmed !== undefined)) throw new Error('a name was run');
}
