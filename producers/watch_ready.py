"""When a group of files counts: it has stopped growing, and nothing more of it can be expected.

Pure; all times in seconds.
"""

from producers.watch_names import Candidate, Seen

MISSING_S = 60.0
"""How long a manifest waits for the files it names."""
RESTLESS_S = 60.0
"""A text or clip that is still for this long is filed however much else is being copied."""
ALONE = 3
"""A picture or clip alone is still for this many times ``still_s``: its text may follow it."""
EMPTY = 5
"""An empty file for this many times: mostly it has just been made, and gets longer."""


def is_ready(
    candidate: Candidate, *, still_s: float, age_s: float, restless: bool, faulty: bool
) -> bool:
    """``age_s``: since the lead's name was first seen. ``restless``: some file of the folder is
    still growing. ``faulty``: the manifest will be refused."""
    lead = candidate.lead
    if not all(_is_still(file, still_s) for file in candidate.media):
        return False
    match candidate.group, lead.kind:
        case "manifest", _ if faulty:
            return _is_still(lead, still_s)
        case "manifest", _:  # it is whole, or it would not be read as one
            return not candidate.missing or age_s >= MISSING_S
        case _, "link":
            return True
        case _, "folder":
            return lead.still_s >= RESTLESS_S
    if restless and lead.still_s < RESTLESS_S:
        return False
    alone = 1 if candidate.group == "text" else ALONE
    return _is_still(lead, still_s) and lead.still_s >= alone * still_s


def _is_still(file: Seen, still_s: float) -> bool:
    return file.still_s >= (still_s if file.size else EMPTY * still_s)
