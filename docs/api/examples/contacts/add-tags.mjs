// POST /api/v1/contacts/{id}/tags
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/contacts/${process.env.ORBIT_CONTACT}/tags`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({
    "tags": [
      "vip",
      "enterprise"
    ]
  }),
})
console.log(await res.text())
