// POST /api/v1/contacts
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/contacts`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({
    "phone": "+14155552671",
    "email": "jane@example.com",
    "first_name": "Jane",
    "last_name": "Doe",
    "country_code": "US",
    "lifecycle_stage": "lead",
    "tags": [
      "beta-tester"
    ]
  }),
})
console.log(await res.text())
