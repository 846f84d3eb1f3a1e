// POST /api/v1/contacts/segments
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/contacts/segments`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({
    "name": "US Enterprise Leads",
    "rules": {
      "country_code": "US",
      "lifecycle_stage": "lead",
      "tags": {
        "$contains": "enterprise"
      }
    }
  }),
})
console.log(await res.text())
