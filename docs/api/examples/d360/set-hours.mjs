// Sets the hours in which the number takes calls, in the time zone TIMEZONE.
import { ask } from './d360.mjs';

const call_hours = {
  status: 'ENABLED',
  timezone_id: process.env.TIMEZONE,
  weekly_operating_hours: [{ day_of_week: 'MONDAY', open_time: '0900', close_time: '1700' }],
};
const settings = { calling: { status: 'ENABLED', call_hours } };
console.log(JSON.stringify(await ask('POST', '/calling/settings', settings)));
