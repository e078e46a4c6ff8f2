"""``./run preview``: what an outlet will get, as files on this machine, with contact sheets."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Data, PortBase, settings_of
from cli.tables import terminal
from schemas.errors import InvalidInput, PipelineError

out = terminal()


def preview(
    what: Annotated[str, typer.Argument(help="稿号, 或一个视频文件 / story number, or a clip")],
    folder: Annotated[Path, typer.Option("--out", help="放到哪里 / folder to write into")],
    channel: Annotated[
        str, typer.Option("--channel", help="哪个渠道的转码件 / the outlet whose files")
    ] = "",
    recipe: Annotated[
        list[str] | None,
        typer.Option("--recipe", help="给文件: 做哪些 / for a clip: recipes to make of it"),
    ] = None,
    accept_damage: Annotated[
        bool,
        typer.Option(
            "--accept-damage", help="原片有损坏也尽力做 / the best that a damaged clip gives"
        ),
    ] = False,
    data: Data = None,
    port_base: PortBase = None,
) -> None:
    """看样片 / Put what an outlet will get into a folder, with a contact sheet of each clip.

    Of a story: the renditions that its copy for the channel names, from a running stack. Of a file:
    they are made here and now, without any stack (for the station's acceptance, say).
    """
    from cli.preview_files import of_file, of_story
    from streams.programs import find_programs

    settings = settings_of(data, port_base)
    folder.mkdir(parents=True, exist_ok=True)
    programs = find_programs(settings)
    try:
        if Path(what).is_file():
            complete = of_file(
                Path(what), recipe or [], folder.resolve(), programs, accept_damage=accept_damage
            )
        else:
            complete = of_story(what, channel, folder.resolve(), programs, settings)
    except InvalidInput as error:
        for fault in error.faults:
            out.print(f"{fault.field}: {fault.reason}. {fault.next_step}", markup=False)
        raise typer.Exit(2) from None
    except PipelineError as error:
        out.print(str(error), markup=False)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if complete else 1)
