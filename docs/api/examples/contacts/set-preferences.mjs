// PUT /api/v1/contacts/{id}/preferences
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/contacts/${process.env.ORBIT_CONTACT}/preferences`, {
  method: 'PUT',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({
    "preferences": {
      "sms": true,
      "whatsapp": true,
      "email": false
    }
  }),
})
console.log(await res.text())
