"""The label of generated content (GB 45438-2025) as it goes out: whoever passes a clip on adds itself.

The standard's implicit label is JSON under the key ``AIGC`` with ``Label``, ``ContentProducer``,
``ProduceID``, ``ContentPropagator``, ``PropagateID`` and two reserved fields. Pure.
"""

import json


def carried(label: str | None, propagator: str, identity: str) -> str | None:
    """The label with ``ContentPropagator`` and ``PropagateID`` filled in where they are empty; what
    an earlier propagator wrote stays. A label that is no JSON object goes on as it came."""
    if label is None:
        return None
    try:
        told = json.loads(label)
    except ValueError:
        return label
    if not isinstance(told, dict) or not propagator or told.get("ContentPropagator"):
        return label
    told |= {"ContentPropagator": propagator, "PropagateID": identity}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
