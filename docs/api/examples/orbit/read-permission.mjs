// GET /api/v1/whatsapp/calling/permissions
const query = new URLSearchParams({ phone_number_id: process.env.ORBIT_FROM, to: process.env.ORBIT_TO })
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/whatsapp/calling/permissions?${query}`, {
  method: 'GET',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY },
})
console.log(await res.text())
