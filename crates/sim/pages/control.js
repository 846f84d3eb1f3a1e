// The control page: buttons over the control API. Described in CONTROL.md.

const el = (id) => document.getElementById(id);

async function api(method, path, body) {
  const answer = await fetch(`/control/${path}`, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const value = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Error(value?.error ?? `HTTP ${answer.status}`);
  return value;
}

// Does something and says what went wrong.
async function press(action) {
  el("error").textContent = "";
  try {
    await action();
  } catch (error) {
    el("error").textContent = error.message;
  }
  await drawAll();
}

function row(...cells) {
  const tr = document.createElement("tr");
  for (const cell of cells) {
    const td = document.createElement("td");
    td.append(...(Array.isArray(cell) ? cell : [cell]));
    tr.append(td);
  }
  return tr;
}

function button(text, testid, action) {
  const node = document.createElement("button");
  node.textContent = text;
  node.dataset.testid = testid;
  node.onclick = () => press(action);
  return node;
}

function text(words, className = "") {
  const node = document.createElement("span");
  node.textContent = words;
  node.className = className;
  return node;
}

const clock = (ms) => new Date(ms).toLocaleTimeString();

function heard(call) {
  const ear = call.heard;
  if (!ear) return "carried outside";
  if (!ear.packets) return "nothing yet";
  const tones = ear.tones.map((tone) => `${Math.round(tone.hz)} Hz`).slice(-4).join(", ") || "no tone";
  const keys = ear.keys ? `, keys ${ear.keys}` : "";
  const now = ear.now_db === null ? "" : `, now ${Math.round(ear.now_db)} dB`;
  return `${ear.packets} packets, ${ear.lost} lost, ${ear.gaps.length} gaps: ${tones}${keys}${now}`;
}

function buttons(call) {
  const path = `calls/${call.id}`;
  const all = [];
  const outbound = call.direction === "BUSINESS_INITIATED";
  if (outbound && call.phase === "ringing") {
    all.push(button("Answer", "control-answer", () => api("POST", `${path}/answer`)));
    all.push(button("Decline", "control-decline", () => api("POST", `${path}/decline`)));
  }
  if (call.phase !== "ended") all.push(button("Hang up", "control-hangup", () => api("POST", `${path}/hangup`)));
  return all;
}

async function drawCalls() {
  const { calls } = await api("GET", "calls");
  el("calls").replaceChildren(
    ...calls.slice(0, 50).map((call) => {
      const tr = row(
        `${call.direction === "USER_INITIATED" ? "in" : "out"} ${call.id.slice(0, 8)}`,
        call.user,
        call.reason ? `${call.phase}: ${call.reason.replaceAll("_", " ")}` : call.phase,
        heard(call),
        text(call.findings.join(", "), "warn"),
        buttons(call),
      );
      tr.dataset.testid = `control-call-${call.id}`;
      return tr;
    }),
  );
}

async function drawWebhooks() {
  const { attempts, times, url } = await api("GET", "webhooks");
  if (document.activeElement !== el("url")) el("url").value = url ?? "";
  el("times").textContent =
    `${times.answered_200} of ${times.attempts} attempts answered 200; median ${times.median_ms} ms, ` +
    `99th percentile ${times.p99_ms} ms, ${times.over_one_second} over a second`;
  el("webhooks").replaceChildren(
    ...attempts.slice(-100).reverse().map((attempt) => {
      const details = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = attempt.labels.join(" + ") + (attempt.attempt > 1 ? ` (try ${attempt.attempt})` : "");
      const body = document.createElement("pre");
      body.textContent = JSON.stringify(attempt.body, null, 1);
      details.append(summary, body);
      const answer = text(String(attempt.status ?? attempt.error), attempt.status === 200 ? "" : "bad");
      return row(clock(attempt.at_ms), [details], answer, `${attempt.took_ms} ms`);
    }),
  );
}

async function drawGraph() {
  const { requests } = await api("GET", "graph-log");
  el("graph").replaceChildren(
    ...requests.slice(-100).reverse().map((request) => {
      const answer = request.code ? `${request.status} (${request.code})` : String(request.status);
      return row(
        clock(request.at_ms),
        request.action + (request.call ? ` ${request.call.slice(0, 8)}` : ""),
        text(request.fault ? `${answer}, ${request.fault}` : answer, request.status === 200 ? "" : "bad"),
        `${request.took_ms} ms`,
      );
    }),
  );
}

async function drawPermissions() {
  const { states, requests } = await api("GET", "permissions");
  const answer = (request, response, permanent) => () =>
    api("POST", "permissions", { request: request.id, response, permanent });
  el("permissions").replaceChildren(
    ...requests.map((request) =>
      row(`+${request.user} is asked: ${request.text ?? ""}`, [
        button("Allow", "control-allow", answer(request, "accept", false)),
        button("Always", "control-always", answer(request, "accept", true)),
        button("Refuse", "control-refuse", answer(request, "reject", false)),
      ]),
    ),
    ...states.map((state) => row(`+${state.user}`, state.status.replaceAll("_", " "))),
  );
}

async function drawRest() {
  const { faults } = await api("GET", "faults");
  el("faults").textContent = faults.map((fault) => JSON.stringify(fault)).join("\n") || "none";
  const { phones } = await api("GET", "phones");
  el("phones").textContent =
    phones.map((phone) => `${phone.number ?? "any number"} (${phone.mode})`).join(", ") || "none";
  const { numbers } = await api("GET", "numbers");
  if (el("to").options.length !== numbers.length) {
    el("to").replaceChildren(...numbers.map((number) => new Option(number.display_phone, number.phone_number_id)));
  }
}

async function drawKnobs() {
  const knobs = await api("GET", "knobs");
  const choices = { dtls_role: ["passive", "active", "actpass"], default_permission: ["none", "temporary", "permanent"] };
  el("knobs").replaceChildren(
    ...Object.entries(knobs).map(([key, value]) => {
      const label = document.createElement("label");
      let input;
      if (choices[key]) {
        input = document.createElement("select");
        input.append(...choices[key].map((choice) => new Option(choice, choice)));
        input.value = value;
      } else {
        input = document.createElement("input");
        input.type = typeof value === "boolean" ? "checkbox" : typeof value === "number" ? "number" : "text";
        if (input.type === "number") input.step = "any";
        if (input.type === "checkbox") input.checked = value;
        else input.value = Array.isArray(value) ? value.join(" ") : value;
      }
      input.name = key;
      input.dataset.testid = `knob-${key}`;
      input.dataset.kind = Array.isArray(value) ? "list" : typeof value;
      if (input.type === "checkbox") {
        label.className = "switch";
        label.append(input, key.replaceAll("_", " "));
      } else {
        label.append(key.replaceAll("_", " "), input);
      }
      return label;
    }),
  );
}

function readKnobs() {
  const read = {
    boolean: (input) => input.checked,
    number: (input) => Number(input.value),
    list: (input) => input.value.split(/\s+/).filter(Boolean).map(Number),
    string: (input) => input.value,
  };
  const inputs = [...el("knobs").querySelectorAll("input, select")];
  return Object.fromEntries(inputs.map((input) => [input.name, read[input.dataset.kind](input)]));
}

const drawAll = () =>
  Promise.all([drawCalls(), drawWebhooks(), drawGraph(), drawPermissions(), drawRest()]).catch((error) => {
    el("error").textContent = error.message;
  });

const optional = (value) => (value === "" ? undefined : value);

el("place").onsubmit = (event) => {
  event.preventDefault();
  press(() =>
    api("POST", "calls", {
      from: el("from").value,
      to: optional(el("to").value),
      behaviour: optional(el("behaviour").value),
      hz: el("hz").value ? Number(el("hz").value) : undefined,
      give_up_after_ms: el("patience").value ? Number(el("patience").value) : undefined,
      profile_name: optional(el("name").value),
    }),
  );
};
el("hook").onsubmit = (event) => {
  event.preventDefault();
  press(() => api("PUT", "webhook-url", { url: optional(el("url").value) ?? null }));
};
el("subscribe").onclick = () =>
  press(async () => {
    const report = await api("POST", "subscribe");
    const answer = report.status === null ? "no answer" : `status ${report.status}`;
    el("subscribed").textContent = report.verified ? "Verified" : `Not verified: ${answer}`;
  });
el("permission").onsubmit = (event) => {
  event.preventDefault();
  const choice = el("response").value;
  press(() =>
    api("POST", "permissions", {
      user: el("user").value,
      response: choice === "week" || choice === "always" ? "accept" : choice,
      permanent: choice === "always",
    }),
  );
};
el("fault").onsubmit = (event) => {
  event.preventDefault();
  press(() =>
    api("POST", "faults", {
      action: el("action").value,
      times: Number(el("count").value),
      fault: JSON.parse(el("kind").value),
    }),
  );
};
el("clear-faults").onclick = () => press(() => api("DELETE", "faults"));
el("knobs-form").onsubmit = (event) => {
  event.preventDefault();
  press(async () => {
    await api("PUT", "knobs", readKnobs());
    await drawKnobs();
  });
};
el("reset").onclick = () =>
  press(async () => {
    await api("POST", "reset");
    await drawKnobs();
  });

const magic = [
  ["0001", "answers after 1 s, echoes", "echoes"],
  ["0002", "answers after 1 s, 440 Hz", "440 Hz"],
  ["0003", "declines after 1 s", "gives up after 3 s"],
  ["0004", "never answers", "says silence, never hangs up"],
  ["0005", "answers, hangs up after 5 s", "hangs up 5 s after the answer"],
  ["0006", "no permission (138006)", "echoes"],
  ["0007", "cannot be called (138001)", "echoes"],
  ["0008", "answers, never sends a packet", "never sends a packet"],
  ["0009", "webhooks twice, out of order, batched, late", "the same"],
  ["0010", "connect webhook before the reply to the POST", "gives up at once; terminate overtakes connect"],
  ["0011", "answers, presses 1 2 3 # after 2 s", "presses 1 2 3 # 2 s after the answer"],
  ["0012", "grants permission when asked, after 1 s", "echoes"],
  ["0013", "refuses permission when asked", "echoes"],
  ["0014", "loses one packet in ten", "loses one packet in ten"],
  ["0015", "Graph answers 500 twice, then works", "the first two actions on the call answer 500"],
  ["others", "ring for the phone page or this page", "440 Hz"],
];
el("magic").replaceChildren(...magic.map((line) => row(...line)));

// Whatever happens is an event; wait for one, then draw again.
async function follow() {
  let after = 0;
  for (;;) {
    try {
      const page = await (await fetch(`/control/events?after=${after}&wait_ms=25000`)).json();
      // A simulator that was started again counts from the beginning.
      after = page.next;
      if (page.events.length) await drawAll();
      await new Promise((resolve) => setTimeout(resolve, 300));
    } catch {
      after = 0;
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

await drawKnobs();
await drawAll();
follow();
