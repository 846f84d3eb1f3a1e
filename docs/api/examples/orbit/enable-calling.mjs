// POST /api/v1/whatsapp/connections/{phone_number_id}/calling/enable
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/whatsapp/connections/${process.env.ORBIT_FROM}/calling/enable`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY },
})
console.log(await res.text())
