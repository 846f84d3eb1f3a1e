// GET /api/v1/events
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/events?type=whatsapp.call.declined&limit=1`, {
  method: 'GET',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY },
})
console.log(await res.text())
