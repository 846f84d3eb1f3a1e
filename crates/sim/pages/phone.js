// The simulated phone: a browser as the WhatsApp user. Its messages are described in PHONE.md.

const el = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

let socket;
let connected = false;
let replaced = false;
let retryMs = 500;
let call = null; // {id, peer, phase, incoming, since}
let peerConnection = null;
let localStream = null;
let audioContext = null;
let analyser = null;
let askId = null;
let timerHandle = null;

function connect() {
  const url = new URL("/phone/ws", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  if (query.get("number")) url.searchParams.set("number", query.get("number"));
  if (query.get("name")) url.searchParams.set("name", query.get("name"));
  socket = new WebSocket(url);
  socket.onopen = () => {
    connected = true;
    retryMs = 500;
  };
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onclose = () => {
    connected = false;
    if (call) end("connection lost");
    if (replaced) {
      el("link").textContent = "Replaced by another page with this number";
    } else {
      el("link").textContent = "Connecting…";
      setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, 8000);
    }
    draw();
  };
}

function send(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

const handlers = {
  hello(message) {
    el("number").textContent = message.catches_all ? `${message.number} (rings for every number)` : message.number;
    el("link").textContent = "Ready";
    el("businesses").replaceChildren(
      ...message.businesses.map((business) => new Option(business.number, business.number)),
    );
    if (!el("to").value && message.businesses[0]) el("to").value = message.businesses[0].number;
    draw();
  },
  calling(message) {
    if (!call) return send({ type: "hangup", call: message.call });
    call.id = message.call;
    setPhase("ringing");
  },
  incoming(message) {
    if (call) return send({ type: "decline", call: message.call });
    call = { id: message.call, peer: message.from, phase: "incoming", incoming: true };
    el("error").textContent = "";
    draw();
    el("answer").focus();
  },
  async media(message) {
    if (!call || call.id !== message.call || !peerConnection) return;
    await peerConnection.setRemoteDescription({ type: "answer", sdp: message.sdp });
  },
  state(message) {
    if (!call || call.id !== message.call) return;
    if (message.phase === "ended") end(message.reason);
    else if (message.phase === "active") setPhase("active");
  },
  permission_request(message) {
    askId = message.request;
    el("asker").textContent = message.from;
    el("ask-text").textContent = message.text ?? "";
    draw();
  },
  error(message) {
    el("error").textContent = message.message;
    // A call that never got an id never began.
    if (call && !call.id) end("failed");
  },
  replaced() {
    replaced = true;
  },
  pong() {},
};

function receive(message) {
  handlers[message.type]?.(message);
  window.phone.log.push(message);
}

async function microphone() {
  try {
    // Noise suppression takes a steady tone for noise, and tones are what tests listen for.
    const audio = { echoCancellation: true, noiseSuppression: false, autoGainControl: false };
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const cause = error.name === "NotAllowedError" ? "the browser denied it" : "there is none";
    throw new Error(`No microphone: ${cause}. Allow it in the address bar and try again.`);
  }
}

// The offer leaves when every candidate is in it: there is no trickle on this leg either.
async function makeOffer() {
  localStream = await microphone();
  peerConnection = new RTCPeerConnection();
  for (const track of localStream.getAudioTracks()) peerConnection.addTrack(track, localStream);
  peerConnection.ontrack = (event) => listen(event.streams[0] ?? new MediaStream([event.track]));
  await peerConnection.setLocalDescription(await peerConnection.createOffer());
  await gathered(peerConnection);
  return peerConnection.localDescription.sdp;
}

function gathered(connection) {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((resolve) => {
    const limit = setTimeout(resolve, 2000);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") {
        clearTimeout(limit);
        resolve();
      }
    });
  });
}

function listen(stream) {
  window.phone.remoteStream = stream;
  // A stream flows into the analyser only while an element plays it.
  el("audio").srcObject = stream;
  el("audio").play().catch(() => {});
  audioContext ??= new AudioContext();
  audioContext.resume();
  analyser = audioContext.createAnalyser();
  analyser.fftSize = 2048;
  audioContext.createMediaStreamSource(stream).connect(analyser);
  window.phone.analyser = analyser;
}

async function dial() {
  const to = el("to").value.trim();
  if (!to || call) return;
  call = { id: null, peer: to, phase: "calling", incoming: false };
  el("error").textContent = "";
  draw();
  try {
    const sdp = await makeOffer();
    if (call) send({ type: "call", to, sdp });
  } catch (error) {
    end("failed");
    el("error").textContent = error.message;
  }
}

async function answer() {
  if (call?.phase !== "incoming") return;
  setPhase("answering");
  try {
    const sdp = await makeOffer();
    if (call) send({ type: "answer", call: call.id, sdp });
  } catch (error) {
    setPhase("incoming");
    el("error").textContent = error.message;
  }
}

function decline() {
  if (call) send({ type: "decline", call: call.id });
}

function hangup() {
  if (!call) return;
  if (call.id) send({ type: "hangup", call: call.id });
  else end("cancelled");
}

function mute(on = el("mute").getAttribute("aria-pressed") !== "true") {
  for (const track of localStream?.getAudioTracks() ?? []) track.enabled = !on;
  el("mute").setAttribute("aria-pressed", String(on));
  el("mute").textContent = on ? "Unmute" : "Mute";
}

function press(key) {
  if (call?.phase === "active") send({ type: "keys", call: call.id, keys: key });
}

function setPhase(phase) {
  call.phase = phase;
  if (phase === "active" && !call.since) {
    call.since = performance.now();
    timerHandle = setInterval(drawTimer, 250);
    drawLevel();
  }
  draw();
}

function end(reason) {
  clearInterval(timerHandle);
  peerConnection?.close();
  for (const track of localStream?.getTracks() ?? []) track.stop();
  peerConnection = null;
  localStream = null;
  analyser = null;
  el("audio").srcObject = null;
  el("last").textContent = call ? `Last call: ${words(reason)}` : "";
  call = null;
  window.phone.remoteStream = null;
  mute(false);
  el("keypad").setAttribute("aria-expanded", "false");
  draw();
}

const words = (reason) => (reason ?? "ended").replaceAll("_", " ");

const stateText = {
  calling: "Calling…",
  ringing: "Ringing…",
  incoming: "WhatsApp call",
  answering: "Connecting…",
  active: "Connected",
};

function draw() {
  const phase = call?.phase;
  el("idle").hidden = Boolean(call);
  el("talk").hidden = !call;
  el("call").disabled = !connected;
  el("handset").classList.toggle("rings", phase === "incoming");
  el("handset").dataset.phase = phase ?? "idle";
  el("peer").textContent = call?.peer ?? "";
  el("state").textContent = stateText[phase] ?? "";
  el("timer").hidden = phase !== "active";
  el("sound").hidden = phase !== "active";
  el("answer").hidden = phase !== "incoming";
  el("decline").hidden = phase !== "incoming";
  el("hangup").hidden = !call || phase === "incoming";
  el("mute").hidden = phase !== "active";
  el("keypad").hidden = phase !== "active";
  el("keys").hidden = phase !== "active" || el("keypad").getAttribute("aria-expanded") !== "true";
  el("ask").hidden = !askId;
  window.phone.state = phase ?? "idle";
  drawTimer();
}

function drawTimer() {
  const seconds = call?.since ? Math.floor((performance.now() - call.since) / 1000) : 0;
  const two = (n) => String(n).padStart(2, "0");
  el("timer").textContent = `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

function drawLevel() {
  if (call?.phase !== "active") return;
  if (analyser) {
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    el("level").value = Math.min(1, Math.sqrt(power) * 1.4);
  }
  requestAnimationFrame(drawLevel);
}

function decide(response, permanent) {
  send({ type: "permission", request: askId, response, permanent });
  askId = null;
  draw();
}

// For tests: what a person would do and hear.
window.phone = { state: "idle", remoteStream: null, analyser: null, log: [], dial, answer, decline, hangup, mute, press };

el("keys").replaceChildren(
  ..."123456789*0#".split("").map((key) => {
    const button = document.createElement("button");
    button.textContent = key;
    button.dataset.testid = `phone-key-${key}`;
    button.onclick = () => press(key);
    return button;
  }),
);
el("dial").onsubmit = (event) => {
  event.preventDefault();
  dial();
};
el("answer").onclick = answer;
el("decline").onclick = decline;
el("hangup").onclick = hangup;
el("mute").onclick = () => mute();
el("keypad").onclick = () => {
  const open = el("keypad").getAttribute("aria-expanded") !== "true";
  el("keypad").setAttribute("aria-expanded", String(open));
  draw();
};
el("allow").onclick = () => decide("accept", false);
el("always").onclick = () => decide("accept", true);
el("refuse").onclick = () => decide("reject", false);
addEventListener("keydown", (event) => {
  if (call?.phase === "active" && /^[0-9*#]$/.test(event.key)) press(event.key);
});

draw();
connect();
