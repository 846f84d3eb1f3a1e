// POST /api/v1/webhooks/{id}/test
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/webhooks/${process.env.ORBIT_WEBHOOK}/test`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY },
})
console.log(await res.text())
