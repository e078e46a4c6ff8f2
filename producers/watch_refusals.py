"""Why the watched folder does not take something that is no story."""

from collections.abc import Iterable

from producers.watch_names import Seen
from schemas.errors import Fault


def not_here(people: Iterable[str]) -> Fault:
    return Fault(
        "not_in_a_folder",
        "folder",
        "没有放进个人文件夹, 不知道是谁的稿 / not in anybody's folder",
        f"放进自己的文件夹 / put it into your own folder: {'、'.join(people)}",
    )


def not_a_story(lead: Seen) -> Fault:
    place = f"file.{lead.key}"
    match lead.kind, lead.ending:
        case "link", _:
            return Fault(
                "link", place, "不收链接 / links are not taken", "放文件本身 / put the file"
            )
        case "folder", _:
            step = "把文件直接放进您的文件夹 / put the files right into your folder"
            return Fault("folder", place, "不收文件夹 / folders are not taken", step)
        case "other", _:
            return Fault("not_a_file", place, "不是普通文件 / not a regular file")
        case _, "doc" | "wps" | "rtf" | "odt":
            step = "另存为 .docx 或 .txt 再放, 第一行写标题 / save it as .docx or .txt"
            return Fault("unknown_kind", place, "不收这种文档 / documents are not taken here", step)
    step = "可收 .txt、.docx、.html 文稿、图片、视频, 或 .json 清单 / a .txt, .docx, .html, picture, clip, or .json manifest"
    return Fault("unknown_kind", place, "不认识的文件类型 / unknown kind of file", step)
