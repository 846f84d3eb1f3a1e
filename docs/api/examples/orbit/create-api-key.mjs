// POST /api/v1/settings/api-keys
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/settings/api-keys`, {
  method: 'POST',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({ name: 'CRM', type: 'secret', scopes: ['calls:read'], mode: 'live', expiresIn: '90d' }),
})
console.log(await res.text())
