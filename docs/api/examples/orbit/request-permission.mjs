// POST /api/v1/whatsapp/calling/permissions/request
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/whatsapp/calling/permissions/request`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({ phone_number_id: process.env.ORBIT_FROM, to: process.env.ORBIT_TO, body: 'May we call you?' }),
})
console.log(await res.text())
