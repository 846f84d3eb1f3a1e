"""The few lines the Python examples share: a request with the account's credentials."""

import json
import os
import sys
import urllib.error
import urllib.request


def ask(method, path, body=None):
    request = urllib.request.Request(
        os.environ["VOBIZ_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "X-Auth-ID": os.environ["VOBIZ_AUTH_ID"],
            "X-Auth-Token": os.environ["VOBIZ_AUTH_TOKEN"],
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            return json.loads(text) if text else None
    except urllib.error.HTTPError as refused:
        sys.exit(refused.read().decode())


def description():
    """The session description in the file SDP_FILE, if there is one."""
    path = os.environ.get("SDP_FILE")
    if not path:
        return None
    with open(path, newline="") as file:
        return file.read()
