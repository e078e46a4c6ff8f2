"""The evening bus, its stop, the street lamps; for the pen of :func:`deploy.demo.paint.shapes`."""

from deploy.demo.scenes.town import Pen


def body(pen: Pen, x: float, y: float, unit: float) -> None:
    """The bus; (x, y) is its lower left corner on the road, ``unit`` its height."""
    long, tall = unit * 2.9, unit

    def box(
        left: float,
        top: float,
        right: float,
        bottom: float,
        fill: tuple[int, ...],
        round_: float = 0.0,
    ) -> None:
        place = (x + left * long, y - tall + top * tall, x + right * long, y - tall + bottom * tall)
        if round_:
            pen.rounded_rectangle(place, round_ * unit, fill=fill)
        else:
            pen.rectangle(place, fill=fill)

    pen.ellipse(
        (x - long * 0.02, y - unit * 0.06, x + long * 1.03, y + unit * 0.10), fill=(20, 22, 40, 150)
    )
    box(0.0, 0.0, 1.0, 0.90, (228, 236, 230, 255), 0.10)
    box(0.06, -0.05, 0.70, 0.03, (196, 208, 206, 255), 0.03)
    box(0.0, 0.56, 1.0, 0.90, (42, 142, 104, 255), 0.08)
    box(0.0, 0.54, 1.0, 0.70, (42, 142, 104, 255))
    pen.polygon(
        [
            (x + long * 0.30, y - tall * 0.46),
            (x + long * 0.62, y - tall * 0.46),
            (x + long * 0.42, y - tall * 0.10),
            (x + long * 0.10, y - tall * 0.10),
        ],
        fill=(120, 196, 120, 255),
    )
    pen.polygon(
        [
            (x + long * 0.66, y - tall * 0.46),
            (x + long * 0.72, y - tall * 0.46),
            (x + long * 0.52, y - tall * 0.10),
            (x + long * 0.46, y - tall * 0.10),
        ],
        fill=(196, 226, 128, 255),
    )
    box(0.02, 0.10, 0.985, 0.50, (34, 44, 62, 255), 0.05)
    lit = (255, 226, 160, 255)
    for left, right in ((0.035, 0.155), (0.165, 0.285), (0.41, 0.53), (0.54, 0.66), (0.67, 0.79)):
        box(left, 0.13, right, 0.47, lit, 0.03)
        head = x + long * (left + right) / 2
        for shift in (-0.026, 0.026):
            seat = head + long * shift
            pen.rounded_rectangle(
                (seat - long * 0.016, y - tall * 0.70, seat + long * 0.016, y - tall * 0.53),
                unit * 0.03,
                fill=(92, 116, 140, 255),
            )
            if (int(left * 100) + int(shift * 1000)) % 3:
                pen.ellipse(
                    (seat - unit * 0.045, y - tall * 0.80, seat + unit * 0.045, y - tall * 0.71),
                    fill=(64, 52, 58, 255),
                )
    for left in (0.30, 0.352, 0.82, 0.872):  # doors, in the middle and in front
        box(left, 0.12, left + 0.046, 0.86, (24, 32, 48, 255))
        box(left + 0.005, 0.15, left + 0.041, 0.80, (255, 232, 178, 255))
    box(0.932, 0.12, 0.992, 0.52, (150, 184, 204, 255), 0.03)
    box(0.80, 0.03, 0.985, 0.095, (250, 170, 60, 255), 0.02)
    box(0.985, 0.62, 1.0, 0.72, (255, 248, 214, 255))
    box(0.0, 0.60, 0.010, 0.72, (214, 58, 48, 255))
    for middle in (0.20, 0.76):
        for reach, fill in (
            (0.175, (24, 60, 52)),
            (0.148, (24, 24, 30)),
            (0.085, (168, 172, 178)),
            (0.035, (90, 94, 102)),
        ):
            mid = (x + long * middle, y - unit * 0.06)
            pen.ellipse(
                (
                    mid[0] - unit * reach,
                    mid[1] - unit * reach,
                    mid[0] + unit * reach,
                    mid[1] + unit * reach,
                ),
                fill=(*fill, 255),
            )


def shelter(pen: Pen, x: float, foot: float, unit: float) -> None:
    """The stop: two posts, a tiled roof, a bench, a board with a map of dots."""
    wood, tile = (98, 66, 48, 255), (52, 54, 72, 255)
    for post in (0.0, 1.25):
        pen.rectangle(
            (x + unit * post - unit * 0.035, foot - unit, x + unit * post + unit * 0.035, foot),
            fill=wood,
        )
    pen.rectangle(
        (x + unit * 0.06, foot - unit * 0.80, x + unit * 1.19, foot - unit * 0.20),
        fill=(150, 150, 172, 130),
    )
    pen.rectangle(
        (x + unit * 0.16, foot - unit * 0.74, x + unit * 0.56, foot - unit * 0.30),
        fill=(246, 240, 222, 255),
    )
    pen.line(
        [
            (x + unit * 0.21, foot - unit * 0.40),
            (x + unit * 0.30, foot - unit * 0.52),
            (x + unit * 0.40, foot - unit * 0.50),
            (x + unit * 0.51, foot - unit * 0.66),
        ],
        fill=(42, 142, 104, 255),
        width=max(int(unit * 0.020), 1),
    )
    for px, py in ((0.21, 0.40), (0.30, 0.52), (0.40, 0.50), (0.51, 0.66)):
        pen.ellipse(
            (
                x + unit * (px - 0.022),
                foot - unit * (py + 0.022),
                x + unit * (px + 0.022),
                foot - unit * (py - 0.022),
            ),
            fill=(214, 74, 54, 255),
        )
    pen.rectangle(
        (x + unit * 0.62, foot - unit * 0.24, x + unit * 1.18, foot - unit * 0.18),
        fill=(140, 98, 66, 255),
    )
    for leg in (0.68, 1.12):
        pen.rectangle(
            (x + unit * leg - unit * 0.02, foot - unit * 0.18, x + unit * leg + unit * 0.02, foot),
            fill=wood,
        )
    pen.polygon(
        [
            (x - unit * 0.24, foot - unit * 0.96),
            (x - unit * 0.04, foot - unit * 1.22),
            (x + unit * 1.29, foot - unit * 1.22),
            (x + unit * 1.49, foot - unit * 0.96),
        ],
        fill=tile,
    )
    pen.polygon(
        [
            (x - unit * 0.30, foot - unit * 0.99),
            (x - unit * 0.24, foot - unit * 0.95),
            (x + unit * 1.49, foot - unit * 0.95),
            (x + unit * 1.55, foot - unit * 0.99),
        ],
        fill=(34, 36, 54, 255),
    )


def lamp(pen: Pen, x: float, foot: float, tall: float, side: int) -> tuple[float, float]:
    """A street lamp with a solar panel; returns where its light is."""
    thick = tall * 0.014
    pen.rectangle((x - thick, foot - tall, x + thick, foot), fill=(42, 46, 66, 255))
    pen.line(
        [(x, foot - tall * 0.93), (x + side * tall * 0.17, foot - tall * 0.97)],
        fill=(42, 46, 66, 255),
        width=max(int(thick * 1.6), 1),
    )
    pen.polygon(
        [
            (x - tall * 0.085, foot - tall * 1.00),
            (x + tall * 0.065, foot - tall * 1.055),
            (x + tall * 0.085, foot - tall * 1.035),
            (x - tall * 0.065, foot - tall * 0.98),
        ],
        fill=(44, 62, 112, 255),
    )
    spot = (x + side * tall * 0.19, foot - tall * 0.965)
    pen.ellipse(
        (
            spot[0] - tall * 0.038,
            spot[1] - tall * 0.013,
            spot[0] + tall * 0.038,
            spot[1] + tall * 0.017,
        ),
        fill=(255, 244, 208, 255),
    )
    return spot
