// A supervisor whose browser gives no microphone listens to a conversation, and is told when they want to be heard.
import { TONES } from '../cast.mjs';

export default async function listener(cast) {
  const [ada, ben, phone] = await Promise.all([
    cast.desk({ agent: 0, microphone: false, online: false }),
    cast.desk({ agent: 1, hz: TONES.ben }),
    cast.phone({ hz: TONES.customer }),
  ]);
  await phone.calls(cast.stage.bridged_number.display_phone);
  await ben.at('incoming-card').waitFor();
  await ben.answer();
  await ben.hearsOnly(TONES.customer);
  await ada.press('supervise-listen');
  await ada.hearsOnly(TONES.customer, TONES.ben);
  await ada.press('way-whisper');
  await ada.page.getByText('did not allow the microphone').first().waitFor();
  await ada.hearsOnly(TONES.customer, TONES.ben);
  await phone.hearsOnly(TONES.ben);
  await cast.oneStream();
}
