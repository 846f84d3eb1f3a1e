// Ada supervises Ben's call: listening, nobody hears her; whispering, Ben alone; barging in, everybody. Then she takes it over.
import { TONES } from '../cast.mjs';

export default async function supervisor(cast) {
  const [ada, ben, phone] = await Promise.all([
    cast.desk({ agent: 0, hz: TONES.ada, online: false }),
    cast.desk({ agent: 1, hz: TONES.ben }),
    cast.phone({ hz: TONES.customer }),
  ]);
  await phone.calls(cast.stage.bridged_number.display_phone);
  await ben.at('incoming-card').waitFor();
  await ben.answer();
  await ben.hearsOnly(TONES.customer);

  await ada.press('supervise-listen');
  await ada.hearsOnly(TONES.customer, TONES.ben);
  await ben.hearsOnly(TONES.customer);
  await phone.hearsOnly(TONES.ben);

  await ada.press('way-whisper');
  await ben.hearsOnly(TONES.customer, TONES.ada);
  await phone.hearsOnly(TONES.ben);

  await ada.press('way-barge');
  await phone.hearsOnly(TONES.ada, TONES.ben);
  await ben.hearsOnly(TONES.customer, TONES.ada);
  await ada.hearsOnly(TONES.customer, TONES.ben);

  await ada.press('take-over');
  await ben.says('end-reason', /taken the call over/i);
  await ada.hearsOnly(TONES.customer);
  await phone.hearsOnly(TONES.ada);
  await cast.oneStream();
}
