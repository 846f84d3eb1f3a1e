// PATCH /api/v1/settings/api-keys/{id}/allowed-ips
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/settings/api-keys/${process.env.ORBIT_KEY}/allowed-ips`, {
  method: 'PATCH',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Content-Type': 'application/json' },
  body: JSON.stringify({ allowed_ips: ['198.51.100.7', '2001:db8:40::/48'] }),
})
console.log(await res.text())
