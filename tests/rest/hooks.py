"""What a general tester of APIs has to know of this one: real ids, a real number, and keys enough for its limits.

Given in the environment by tests/house/rest.rs: KEYS and IDS, each a list with commas between; HEADER, where a key
is put; ACCOUNT and CHANNEL, the company's and its number's ids in Vobiz's words; OFFER, a session description.
"""

import os
import random

import schemathesis

KEYS = [key for key in os.environ.get("KEYS", "").split(",") if key]
IDS = dict(pair.split("=", 1) for pair in os.environ.get("IDS", "").split(",") if pair)
HEADER = os.environ.get("HEADER", "X-API-Key")
OFFER = os.environ.get("OFFER", "")

# A phone of the simulator that declines at once.
PHONE = "+15550990003"

ACTIONS = ["connect", "pre_accept", "accept", "reject", "terminate"]

# Half of all requests are about something that is there: a tester that only invents ids sees only 404.
chance = random.Random(int(os.environ.get("SEED", "1")))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    # The one number stays connected, or nothing can be placed from then on.
    if context.operation.method.upper() == "DELETE" and "channels" in context.operation.path:
        return path_parameters
    for name, known in IDS.items():
        if path_parameters and name in path_parameters and chance.random() < 0.5:
            path_parameters[name] = known
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    path = context.operation.path
    # A phone that is there, called from a number that is connected.
    if "from_phone_number_id" in body and chance.random() < 0.5:
        body["from_phone_number_id"] = IDS["phone_number_id"]
        body["to"] = PHONE
    if path.endswith("/messaging/calls/whatsapp") and chance.random() < 0.5:
        body.update(channel_id=os.environ["CHANNEL"], to=PHONE, sdp_offer=OFFER)
    if path == "/calling/calls" and chance.random() < 0.5:
        body["action"] = chance.choice(ACTIONS)
        if body["action"] == "connect":
            body.update(to=PHONE, session={"sdp_type": "offer", "sdp": OFFER})
    # Its token stays the one that works.
    if "channels" in path and context.operation.method.upper() == "PUT" and "access_token" in body:
        body["access_token"] = "sim-access-token"
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    # Each key has its allowance; what is tested is not the allowance.
    if KEYS and case.headers is not None and HEADER not in case.headers:
        case.headers[HEADER] = chance.choice(KEYS)
        if HEADER == "X-Auth-Token":
            case.headers["X-Auth-ID"] = os.environ["ACCOUNT"]
