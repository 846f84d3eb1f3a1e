// GET /api/v1/whatsapp/calling/analytics
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/whatsapp/calling/analytics`, {
  method: 'GET',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY },
})
console.log(await res.text())
