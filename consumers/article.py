"""A story as the page desk (版面编辑) gets it, and its plain text forms. Pure."""

from collections.abc import Mapping

from consumers.story_lines import Lines, Picture, text_lines

GOOD_PPI = 300
FAIR_PPI = 200
_INCH_MM = 25.4


class Article(Lines):
    """What the documents of a package are written from."""

    headline: str
    byline: str = ""
    source: str = ""
    imprint: str = ""
    """Head of the page, not part of the text: house number, edition, page."""
    language: str = "zh-CN"


class PrintCopy(Article):
    """An article with where it goes: the copy for the page desk."""

    edition: str = ""
    page: str = ""
    column: str = ""
    desk: str = ""
    print_width_mm: float = 0.0
    """Width for which the effective resolution of its pictures is stated."""
    created_at: str = ""
    updated_at: str = ""
    urgency: int = 5
    keywords: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    digital_source_type: str = ""


def picture_line(picture: Picture, name: str) -> str:
    """The line that stands for a picture in plain text."""
    kind = "视频截图" if picture.kind == "video" else "图"
    return f"【{kind}{picture.number}】{picture.line}〔{name}〕"


def text_document(article: Article, names: Mapping[int, str]) -> str:
    """The whole text, one line a paragraph, no indents; ``names``: picture number → file name."""
    pictures = {p.number: picture_line(p, names[p.number]) for p in article.pictures}
    head = [article.headline]
    head += [article.byline] if article.byline else []
    head += [f"来源：{article.source}"] if article.source else []
    lines = [*head, "", *text_lines(article.pieces, pictures)]
    return "\n".join(lines) + "\n"


def effective_ppi(picture: Picture, width_mm: float) -> int | None:
    """Pixels an inch when printed this wide; None where the size is not known."""
    if not picture.width:
        return None
    return int(picture.width / (width_mm / _INCH_MM))


def widest_mm(picture: Picture) -> int | None:
    """How wide it may be printed at 300 pixels an inch."""
    return int(picture.width / GOOD_PPI * _INCH_MM) if picture.width else None


def sharpness(ppi: int | None) -> str:
    """What a page editor makes of the number."""
    if ppi is None:
        return "尺寸未知 / size unknown"
    if ppi >= GOOD_PPI:
        return "清晰 / good"
    return "可用 / fair" if ppi >= FAIR_PPI else "偏低，请缩小使用 / low, print it smaller"


def captions_document(article: Article, names: Mapping[int, str], width_mm: float) -> str:
    """One paragraph for each picture: file, caption, credit, pixels, effective ppi."""
    if not article.pictures:
        return "本稿没有图片 / no pictures\n"
    blocks = []
    for picture in article.pictures:
        ppi = effective_ppi(picture, width_mm)
        lines = [f"图{picture.number}　{names[picture.number]}"]
        lines += [f"说明：{picture.caption}"] if picture.caption else []
        lines += [f"作者：{picture.credit}"] if picture.credit else []
        lines += [f"画面：{picture.alt}"] if picture.alt else []
        lines += ["出自：视频截图"] if picture.kind == "video" else []
        if ppi is not None:
            lines.append(
                f"像素：{picture.width} × {picture.height}；印 {width_mm:g} 毫米宽为 {ppi} ppi，"
                f"{sharpness(ppi)}；按 {GOOD_PPI} ppi 最宽 {widest_mm(picture)} 毫米"
            )
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)
