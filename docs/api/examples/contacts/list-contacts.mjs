// GET /api/v1/contacts
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/contacts?search=jane&lifecycle_stage=lead&limit=20`, {
  method: 'GET',
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY },
})
console.log(await res.text())
