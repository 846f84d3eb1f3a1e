// POST /api/v1/contacts/lists
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/contacts/lists`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({
    "name": "VIP Customers",
    "description": "High-value accounts"
  }),
})
console.log(await res.text())
