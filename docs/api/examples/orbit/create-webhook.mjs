// POST /api/v1/webhooks
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/webhooks`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({ url: process.env.ORBIT_WEBHOOK_URL, events: ['whatsapp.call.*'], description: 'CRM' }),
})
console.log(await res.text())
