// POST /api/v1/whatsapp/calling/calls
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/whatsapp/calling/calls`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({ to: process.env.ORBIT_TO, from_phone_number_id: process.env.ORBIT_FROM }),
})
console.log(await res.text())
