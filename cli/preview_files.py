"""What ``./run preview`` puts into a folder: renditions of a story or of a clip, contact sheets."""

import shutil
import tempfile
from pathlib import Path
from typing import cast

from cli.tables import terminal
from cli.wiring import open_ledger_of
from schemas.errors import Fault, InvalidInput, PermanentError
from schemas.rendition import RecipeName, Rendition, parse_placeholder
from schemas.settings import Settings
from stores import objects
from stores.ledger import renditions, stories
from streams.contact_sheet import contact_sheet, is_clip
from streams.inspect import inspect
from streams.programs import Programs
from streams.recipes import RECIPES
from streams.transcode import make_group

out = terminal()


def of_file(
    source: Path,
    wanted: list[str],
    folder: Path,
    programs: Programs,
    *,
    accept_damage: bool = False,
) -> bool:
    unknown = [name for name in wanted if name not in RECIPES]
    if unknown or not wanted:
        told = f"没有这种转码件 / no such recipe: {unknown}" if wanted else "写 --recipe / name one"
        raise InvalidInput(Fault("recipe", "recipe", told, "  ".join(RECIPES)))
    facts = inspect(source, programs, field=source.name, file_name=source.name, listen=True)
    for line in (*facts.told, *facts.problems):
        out.print(f"  {line}", markup=False)
    complete = True
    names = cast("list[RecipeName]", wanted)
    with tempfile.TemporaryDirectory(prefix="shoufa-", dir=folder) as work:
        group = make_group(
            names, source, facts, Path(work), programs,
            on_progress=lambda _: None, cancelled=lambda: False, accept_damage=accept_damage,
        )  # fmt: skip
        for name, made in group:
            if isinstance(made, PermanentError):
                out.print(f"  {name}: {made}", markup=False)
                complete = False
                continue
            if "damaged_s" in made.facts:
                lost = made.facts["damaged_s"]
                out.print(
                    f"  {name}: 约 {lost} 秒画面不完整 / about {lost} s not whole", markup=False
                )
            target = folder / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.move(made.files[0].path.parent, target)
            _sheets(target, [file.name for file in made.files], made.duration_s, programs)
    return complete


def of_story(key: str, channel: str, folder: Path, programs: Programs, settings: Settings) -> bool:
    if not channel:
        fault = Fault("channel", "channel", "写 --channel / name the outlet", "--channel tv")
        raise InvalidInput(fault)
    ledger = open_ledger_of(settings)
    try:
        with ledger.snapshot() as view:
            row = stories.find(view, key)
            copy = stories.copies_of(view, row.id, row.version).get(channel)
            needs = [parse_placeholder(need) for need in copy.needs] if copy is not None else []
            found = {place: renditions.manifest(view, *place) for place in needs}
    finally:
        ledger.close()
    if copy is None or copy.refused:
        told = copy.refused if copy is not None else "还没有渠道稿 / there is no copy yet"
        raise InvalidInput(Fault("copy", channel, told, f"./run copies {key}"))
    store = objects.open_objects(settings)
    for (source, name), made in found.items():
        if made is None:
            out.print(f"  {name} ({source[:8]}): 还没转好 / not made yet", markup=False)
            continue
        target = folder / f"{name}-{source[:8]}"
        _fetch(store, made, target)
        _sheets(target, [file.name for file in made.files], made.duration_s, programs)
    return all(made is not None for made in found.values())


def _fetch(store: objects.Objects, made: Rendition, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in made.files:
        objects.get_file(store, file.object_key, file.sha256, target / file.name)


def _sheets(folder: Path, names: list[str], duration_s: float | None, programs: Programs) -> None:
    out.print(f"  {folder.name}: {'  '.join(names)}", markup=False)
    for name in names:
        if duration_s is not None and is_clip(name):
            sheet = folder / f"{Path(name).stem}-sheet.jpg"
            contact_sheet(programs, folder / name, duration_s, sheet)
            out.print(f"    样张 / contact sheet: {sheet.name}", markup=False)
