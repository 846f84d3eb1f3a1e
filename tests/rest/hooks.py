"""What a general tester of APIs has to know of this one: real ids, a real number, and keys enough for its limits.

Given in the environment by tests/house/rest.rs: KEYS and IDS, each a list with commas between.
"""

import os
import random

import schemathesis

KEYS = [key for key in os.environ.get("KEYS", "").split(",") if key]
IDS = dict(pair.split("=", 1) for pair in os.environ.get("IDS", "").split(",") if pair)

# Half of all requests are about something that is there: a tester that only invents ids sees only 404.
chance = random.Random(int(os.environ.get("SEED", "1")))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    for name, known in IDS.items():
        if path_parameters and name in path_parameters and chance.random() < 0.5:
            path_parameters[name] = known
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    # A phone of the simulator that declines at once, called from a number that is connected.
    if isinstance(body, dict) and "from_phone_number_id" in body and chance.random() < 0.5:
        body["from_phone_number_id"] = IDS["phone_number_id"]
        body["to"] = "+15550990003"
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    # Each key has its allowance; what is tested is not the allowance.
    if KEYS and case.headers is not None and "X-API-Key" not in case.headers:
        case.headers["X-API-Key"] = chance.choice(KEYS)
