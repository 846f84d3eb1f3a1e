// No permission yet: the desk offers to ask, the customer agrees (0012) or refuses (0013).
export default async function permission(cast) {
  const desk = await cast.desk({ hz: 600 });
  await desk.dial('+447700900012');
  await desk.says('end-reason', /permission/i);
  await desk.press('ask-permission');
  await desk.says('permission-status', /granted|agreed|allowed|may call/i);
  await desk.free();
  await desk.dial('+447700900012');
  await desk.says('call-state', /calling|ringing|connected/i);
  await desk.press('hangup');
  await desk.free();
  await desk.dial('+447700900013');
  await desk.says('end-reason', /permission/i);
  await desk.press('ask-permission');
  await desk.says('permission-status', /said no/i);
}
