// GET /api/v1/events/stream
// The first event after the one last seen; a program would go on reading.
const stop = new AbortController()
const res = await fetch(`${process.env.ORBIT_BASE_URL}/api/v1/events/stream?types=whatsapp.call.*`, {
  headers: { 'X-API-Key': process.env.ORBIT_API_KEY, 'Last-Event-ID': process.env.ORBIT_LAST_EVENT },
  signal: stop.signal,
})
let text = ''
for await (const chunk of res.body.pipeThrough(new TextDecoderStream())) {
  text += chunk
  const data = /^data: (.*)\n/m.exec(text)
  if (data) {
    console.log(data[1])
    break
  }
}
stop.abort()
