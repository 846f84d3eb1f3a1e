"""Checks the signatures of deliveries, with nothing but Python's own library.

Each line of the input is one delivery: {"headers": {"webhook-id": …}, "body": "…"}, names of headers in small letters
and the body as it came. SECRET is the webhook's secret.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time


def hexadecimal(secret, text):
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def fresh(stamp):
    return abs(time.time() - int(stamp)) < 300


def standard(secret, headers, body):
    """Standard Webhooks: every delivery has it. During a rotation there are two signatures."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = headers["webhook-timestamp"]
    signed = f"{headers['webhook-id']}.{stamp}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return fresh(stamp) and any(hmac.compare_digest(expected, one) for one in headers["webhook-signature"].split(" "))


def orbit(secret, headers, body):
    """X-Devotel-Signature: t=<unix>,v1=<hex>[,v1=<hex>] over "<t>.<body>"."""
    parts = [part.split("=", 1) for part in headers["x-devotel-signature"].split(",")]
    stamp = next(value for name, value in parts if name == "t")
    expected = hexadecimal(secret, f"{stamp}.".encode() + body)
    return fresh(stamp) and any(name == "v1" and hmac.compare_digest(expected, value) for name, value in parts)


def vobiz(secret, headers, body):
    """X-Webhook-Signature: <hex> over the body."""
    return hmac.compare_digest(hexadecimal(secret, body), headers["x-webhook-signature"])


def meta(secret, headers, body):
    """X-Hub-Signature-256: sha256=<hex> over the body."""
    return hmac.compare_digest("sha256=" + hexadecimal(secret, body), headers["x-hub-signature-256"])


def is_good(secret, headers, body):
    dress = orbit if "x-devotel-signature" in headers else vobiz if "x-webhook-signature" in headers else meta
    return dress(secret, headers, body) and standard(secret, headers, body)


deliveries = [json.loads(line) for line in sys.stdin]
good = sum(is_good(os.environ["SECRET"], one["headers"], one["body"].encode()) for one in deliveries)
print(json.dumps({"good": good, "bad": len(deliveries) - good}))
