"""How a copy is shown to who wrote it: the very text, and nothing of it as markup."""

import pytest

from cli.wiring import Centre, read_centre
from cli.writing import fill
from consumers.previews import PREVIEWS, styles, views
from schemas.settings import REPOSITORY, Settings
from streams.adapt import render
from tests.fakes import text_story, video_story

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Centre:
    return read_centre(Settings(data=tmp_path_factory.mktemp("centre"), process="test"))


def shown(centre: Centre, module: str, headline: str = "青禾梯田开镰") -> str:
    spec = next(s for s in centre.specs.values() if s.module == module)
    made = video_story if module in {"tv", "douyin"} else text_story
    copy = render(made(headline=headline), spec, centre.modules[module])
    return fill(PREVIEWS[module](copy, spec), lambda sha256: f"/media/{sha256}")


@pytest.mark.parametrize("module", sorted(PREVIEWS))
def test_a_copy_is_shown_with_its_text(centre: Centre, module: str) -> None:
    page = shown(centre, module)
    assert "青禾梯田开镰" in page
    assert "<b>尖括号</b>" not in page
    assert module in {"tv", "douyin"} or "引号“测试”与" in page
    assert "asset://" not in page


@pytest.mark.parametrize("module", sorted(PREVIEWS))
def test_a_headline_never_becomes_markup(centre: Centre, module: str) -> None:
    page = shown(centre, module, HOSTILE)
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_the_site_is_shown_with_its_own_style_from_our_own_address(centre: Centre) -> None:
    page = shown(centre, "web")
    assert '"/preview/style/site.css"' in page
    assert styles()["site.css"] == (REPOSITORY / "consumers/static/site.css").read_bytes()
    assert 'src="/media/' in page


def test_every_outlet_says_at_which_widths_it_is_shown(centre: Centre) -> None:
    assert views(next(s for s in centre.specs.values() if s.module == "web")) == ("wide", "phone")
    assert all(views(spec) for spec in centre.specs.values())
