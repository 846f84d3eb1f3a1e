// GET /api/v1/webhooks/{id}/deliveries
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/webhooks/${process.env.ORBIT_WEBHOOK}/deliveries?limit=1`, {
  method: 'GET',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY },
})
console.log(await res.text())
