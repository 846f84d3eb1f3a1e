"""The few lines the Python examples share: a request with the number's key."""

import json
import os
import sys
import urllib.error
import urllib.request


def ask(method, path, body=None):
    request = urllib.request.Request(
        os.environ["D360_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"D360-API-KEY": os.environ["D360_API_KEY"], "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        sys.exit(refused.read().decode())


def act(body):
    return ask("POST", "/calling/calls", {"messaging_product": "whatsapp", **body})


def session(kind):
    """The session description in the file SDP_FILE, if there is one."""
    path = os.environ.get("SDP_FILE")
    if not path:
        return {}
    with open(path, newline="") as file:
        return {"session": {"sdp_type": kind, "sdp": file.read()}}
