"""The desk's acts, wired to the functions that the API calls."""

from desk.acts import Acts
from producers import acts, intake
from producers.acts import OpenWaveIn, ReasonIn, SignatureIn
from producers.filing import Desk
from producers.resend import ResendIn, resend


def acts_of(desk: Desk) -> Acts:
    return Acts(
        sign=lambda who, story, body: acts.sign(
            desk, who, story, intake.read_model(SignatureIn, body, "")
        ),
        hold=lambda who, story, body: acts.hold(
            desk, who, story, intake.read_model(ReasonIn, body, "")
        ),
        resume=lambda who, story, _body: acts.resume(desk, who, story),
        withdraw=lambda who, story, body: acts.withdraw(
            desk, who, story, intake.read_model(ReasonIn, body, "")
        ),
        open_wave=lambda who, story, body: acts.open_wave(
            desk, who, story, intake.read_model(OpenWaveIn, body, "")
        ),
        resend=lambda who, story, body: resend(
            desk, who, story, intake.read_model(ResendIn, body, "")
        ),
    )
