"""The guided run: a day of the invented county 青禾县 through the real API.

Every step may be repeated: a second run, or one after a process was killed, goes on where the
first stopped.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from rich.live import Live

from cli.client import Api
from cli.enter import demo_passwords, link
from cli.tables import deliveries_table, terminal
from cli.wiring import open_ledger_of
from deploy.demo.clips import write_clips
from deploy.demo.pictures import write_pictures
from deploy.demo.stories import DemoStory, stories, wire
from deploy.stack.jars import jars_dir
from desk.words import word_of
from schemas.beijing import SHANGHAI
from schemas.errors import InvalidInput, PipelineError, Unavailable
from schemas.hashing import fingerprint
from schemas.settings import Settings
from streams.programs import find_programs

out = terminal()

PATIENCE_S = 600.0
"""Without any change; a killed process costs up to about a minute, a long clip a few."""
ENDED = {"live", "recalled", "not_applicable", "superseded"}
FIELDS = (
    "story_id",
    "headline",
    "channel",
    "wave",
    "state",
    "gate",
    "released_at",
    "requested_at",
    "received_at",
    "receipt_id",
    "url",
    "reason",
)
T = TypeVar("T")


@dataclass
class Told:
    """One demo story after it was filed."""

    demo: DemoStory
    story_id: str
    number: int
    version: int = 1
    withdrawn: bool = False


@dataclass
class Guide:
    """The connections of the people who act in the demo."""

    settings: Settings
    apis: dict[str, Api] = field(default_factory=dict)

    def as_(self, person: str) -> Api:
        if person not in self.apis:
            self.apis[person] = Api(self.settings, person)
        return self.apis[person]

    def rows(self, told: list[Told]) -> list[dict[str, Any]]:
        """Newest release of each channel of the demo's stories."""
        wanted = {t.story_id for t in told}
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        found = patient(lambda: self.as_("reporter").get("/deliveries", limit=5000))
        for row in found["deliveries"]:
            place = (row["story_id"], row["channel"])
            if row["story_id"] in wanted and row["release"] >= newest.get(place, row)["release"]:
                newest[place] = row
        return sorted(newest.values(), key=lambda r: (r["number"], r["wave"], r["channel"]))


def run(settings: Settings, *, json_file: Path | None) -> int:
    """Do the whole demo; returns 0 only when every delivery came out right."""
    guide = Guide(settings)
    _say_ways_in(settings)
    try:
        told = _play(guide)
    except PipelineError as error:
        out.print(
            f"演示没有走完 / the demo did not get through: {error}", style="bold red", markup=False
        )
        return 1
    rows = guide.rows(told)
    wrong = faults(told, rows)
    out.rule("结果 / result")
    out.print(deliveries_table(rows))
    if json_file is not None:
        picked = [{name: row[name] for name in FIELDS} for row in rows]
        json_file.write_text(
            json.dumps({"deliveries": picked}, ensure_ascii=False, indent=2) + "\n"
        )
    _say_where(settings)
    _say_ways_in(settings)
    for line in wrong:
        out.print(f"不对 / wrong: {line}", style="bold red", markup=False)
    if not wrong:
        live = sum(row["state"] == "live" for row in rows)
        recalled = sum(row["state"] == "recalled" for row in rows)
        out.print(
            f"[bold green]全部到位[/] {len(told)} 篇稿件, {live} 处上线, {recalled} 处已撤 / "
            f"{len(told)} stories, {live} live, {recalled} recalled, each with a receipt"
        )
    return 1 if wrong else 0


def _play(guide: Guide) -> list[Told]:
    folder = jars_dir().parent / "demo"
    out.rule("青禾县的一天 / a day in Qinghe county")
    began = time.monotonic()
    out.print("画图片和短片 / drawing pictures and clips …", end=" ")
    write_pictures(folder)
    write_clips(folder, find_programs(guide.settings).ffmpeg)
    out.print(f"{time.monotonic() - began:.0f} s")

    out.print("1. 提交稿件 / filing")
    told = [_file(guide, demo, folder) for demo in stories(datetime.now(SHANGHAI).date())]
    out.print("2. 三审, 三个人 / three reviewers sign")
    for one in told:
        _review(guide, one)
    out.print("3. 新媒体首发, 全媒体跟进 / new media first, the others follow")
    _watch(guide, told, until=lambda rows: all(r["state"] in ENDED for r in rows))

    corrected = next(t for t in told if t.demo.correction is not None)
    out.print(f"4. 更正 / correcting: {corrected.demo.story.headline}")
    _correct(guide, corrected, folder)
    _watch(
        guide,
        [corrected],
        until=lambda rows: all(
            r["state"] == "not_applicable" or (r["state"] == "live" and r["live_version"] == 2)
            for r in rows
        ),
    )
    withdrawn = next(t for t in told if t.demo.withdraw_reason)
    out.print(f"5. 撤稿 / withdrawing: {withdrawn.demo.story.headline}")
    reason = withdrawn.demo.withdraw_reason
    path = f"/stories/{withdrawn.story_id}/withdraw"
    patient(lambda: guide.as_("duty").post(path, {"reason": reason}))
    withdrawn.withdrawn = True
    _watch(
        guide,
        [withdrawn],
        until=lambda rows: all(r["state"] in {"recalled", "not_applicable"} for r in rows),
    )
    return told


def _file(guide: Guide, demo: DemoStory, folder: Path) -> Told:
    fields = wire(demo.story)
    key = f"demo {fingerprint(fields)}"
    filed = patient(lambda: guide.as_(demo.filed_by).send_story(fields, None, folder, key=key))
    now = patient(lambda: guide.as_(demo.filed_by).get(f"/stories/{filed['story_id']}"))
    out.print(f"   稿 {filed['number']}  {demo.story.headline}  ({demo.filed_by})", markup=False)
    return Told(
        demo,
        filed["story_id"],
        filed["number"],
        version=now["version"],
        withdrawn=now["withdrawn_at"] is not None,
    )


def _review(guide: Guide, one: Told) -> None:
    for level in (1, 2, 3):
        patient(lambda level=level: _sign(guide, one, level))  # type: ignore[misc]


def _sign(guide: Guide, one: Told, level: int) -> None:
    """One signature; one that is there already is as good."""
    api = guide.as_(f"reviewer-{level}")
    shown = api.get(f"/stories/{one.story_id}")
    newest = shown["versions"][0]
    if level not in newest["missing_levels"] or shown["withdrawn_at"] is not None:
        return
    if newest["copies_sha256"] is None:
        raise Unavailable("copies", "the channel copies are not made yet")
    api.post(
        f"/stories/{one.story_id}/signatures",
        {
            "version": newest["version"],
            "level": level,
            "copies_sha256": newest["copies_sha256"],
        },
    )


def _correct(guide: Guide, one: Told, folder: Path) -> None:
    correction = one.demo.correction
    if correction is not None and one.version == 1:
        fields = {k: v for k, v in wire(correction).items() if k != "media"}
        api = guide.as_(one.demo.filed_by)
        key = f"demo {fingerprint(fields)}"
        filed = patient(
            lambda: api.send_story(fields, None, folder, revise=(one.story_id, 1), key=key)
        )
        one.version = filed["version"]
    _review(guide, one)


def _watch(
    guide: Guide, told: list[Told], *, until: Callable[[list[dict[str, Any]]], bool]
) -> None:
    """Show what happens until it has happened; raises Unavailable when nothing moves any more."""
    end, last = time.monotonic() + PATIENCE_S, list[dict[str, Any]]()
    seen: dict[tuple[str, str, int], str] = {}
    live = Live(console=out, refresh_per_second=4, transient=True) if out.is_terminal else None
    try:
        if live is not None:
            live.start()
        while True:
            rows = guide.rows(told)
            if live is not None:
                live.update(deliveries_table(rows))
            _say_changes(rows, seen, aloud=live is None)
            if rows and until(rows):
                return
            if rows != last:
                end, last = time.monotonic() + PATIENCE_S, rows
            if time.monotonic() > end:
                stuck = [
                    f"{r['number']} {r['channel']} {r['state']} {r['reason']}"
                    for r in rows
                    if r["state"] not in ENDED
                ]
                raise Unavailable("demo", "没有等到 / still waiting for: " + "; ".join(stuck))
            time.sleep(0.4)
    finally:
        if live is not None:
            live.stop()


def _say_changes(
    rows: list[dict[str, Any]], seen: dict[tuple[str, str, int], str], *, aloud: bool
) -> None:
    for row in rows:
        place = (row["story_id"], row["channel"], row["release"])
        if seen.get(place) == row["state"]:
            continue
        first = place not in seen
        seen[place] = row["state"]
        if aloud and not (first and row["state"] in {"planned", "not_applicable"}):
            word = word_of(row["state"]).chinese
            told = row["url"] or row["receipt_id"] or row["reason"] or row["gate"]
            line = f"   稿 {row['number']}  {row['channel']:10} {word} {row['state']}  {told or ''}"
            out.print(line, markup=False)


def faults(told: list[Told], rows: list[dict[str, Any]]) -> list[str]:
    """What did not come out as it should, in words."""
    wrong = []
    for one in told:
        mine = [r for r in rows if r["story_id"] == one.story_id]
        if not mine:
            wrong.append(f"稿 {one.number}: 没有任何渠道 / no channel at all")
        for row in mine:
            right = row["state"] == "not_applicable" or row["state"] == (
                "recalled" if one.withdrawn else "live"
            )
            if row["state"] == "live":
                right = right and row["live_version"] == one.version and bool(row["receipt_id"])
            if not right:
                wrong.append(f"稿 {one.number} {row['channel']}: {row['state']} {row['reason']}")
        wrong += _out_of_order(one, mine)
    return wrong


def _out_of_order(one: Told, rows: list[dict[str, Any]]) -> list[str]:
    firsts = [r["received_at"] for r in rows if r["wave"] == 1 and r["received_at"]]
    late = [r for r in rows if r["wave"] > 1 and r["requested_at"]]
    return [
        f"稿 {one.number} {r['channel']}: 抢在首发之前 / went out before the first wave"
        for r in late
        if not firsts or r["requested_at"] < min(firsts)
    ]


def _say_ways_in(settings: Settings) -> None:
    """The board asks who looks: a link for one click, and everybody's password."""
    ledger = open_ledger_of(settings)
    try:
        known = demo_passwords(settings, ledger)
        address = link(settings, ledger, "duty")
    finally:
        ledger.close()
    out.print(
        f"看板, 以值班编辑的身份进入 (一次) / the board, as duty editor, once:\n  {address}",
        markup=False,
        soft_wrap=True,
    )
    out.print("账号和密码 / accounts and passwords:")
    for person, word in known.items():
        out.print(f"  {person:14} {word}", markup=False)


def _say_where(settings: Settings) -> None:
    hot = settings.data / "hotfolders"
    out.print(
        f"""到哪里看 / where to look
  看板 board            {settings.api_url}/
  积压 lag              {settings.api_url}/lag
  网站 site             {settings.site_url}/
  客户端 app feed        {settings.site_url}/feed/index.json
  微信 WeChat           {settings.wechat_url}/
  短视频 short video     {settings.douyin_url}/
  电视台 TV folder       {hot / "tv"}
  报纸 newspaper folder  {hot / "newspaper"}""",
        markup=False,
    )


def patient(call: Callable[[], T], patience_s: float = 120.0) -> T:
    """Repeat a call while a part of the system is away; every call here may be repeated."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return call()
        except Unavailable:
            if time.monotonic() > end:
                raise
        except InvalidInput as error:
            away = error.status in {500, 503} or error.faults[0].code in {
                "already_signed",
                "copies_changed",
                "copies_not_ready",
                "level_order",
            }
            if not away or time.monotonic() > end:
                raise
        time.sleep(0.3)
