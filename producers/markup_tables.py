"""Tables of pasted HTML: cells collected row by row, merged cells spread out. Pure."""

from collections.abc import Callable

from producers.import_contract import Notes
from producers.markup_text import tidy, tolerant
from schemas.body import Block, Image, Paragraph, Span, Table

MOST_ROWS = 200
MOST_COLUMNS = 60
_CELLS = {"td", "th"}
_PARTS = {"tr", "tbody", "thead", "tfoot", "colgroup", "col", "caption", *_CELLS}


class Tables:
    """The table that is being read; tables inside it become its text."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._depth = 0
        self._rows: list[list[str]] = []
        self._cell: list[str] | None = None
        self._span = 1
        self._down: dict[int, int] = {}
        self._caption: list[str] | None = None
        self._title = ""
        self._head = False
        self._pictures: list[Image] = []

    @property
    def inside(self) -> bool:
        return self._depth > 0

    def start(self, name: str, given: dict[str, str], flush: Callable[[], None]) -> bool:
        """Whether the tag was the table's own business."""
        if name == "table":
            if self._depth == 0:
                flush()
            self._depth += 1
            if self._depth == 2:
                self._notes.add("changed", "表中的表成了文字 / a table inside a table became text")
            return False
        if not self.inside or name not in _PARTS:
            if self.inside and name in {"p", "br", "div", "li"}:
                self.text(" ")
            return False
        if self._depth > 1:
            self.text(" ")
            return True
        if name == "tr":
            self._close_cell()
            self._rows.append([])
            self._spread()
        elif name in _CELLS:
            self._open_cell(name, given)
        elif name == "caption":
            self._caption = []
        return True

    def text(self, text: str) -> None:
        if self._caption is not None:
            self._caption.append(text)
        elif self._cell is not None:
            self._cell.append(text)

    def end(self, name: str) -> bool:
        """Whether the whole table ends here."""
        if name == "table" and self._depth:
            self._depth -= 1
            return self._depth == 0
        if self._depth == 1:
            if name in _CELLS | {"tr"}:
                self._close_cell()
            elif name == "caption" and self._caption is not None:
                self._title = tidy(tolerant("".join(self._caption), self._notes))[:200]
                self._caption = None
        return False

    def later(self, picture: Image) -> list[Block]:
        """A picture in a cell stands after the table; elsewhere where it is."""
        if not self.inside:
            return [picture]
        self._pictures.append(picture)
        self._notes.add("changed", "表格里的图片移到表后 / pictures of a table stand after it")
        return []

    def blocks(self) -> list[Block]:
        """What was read, as blocks; a table of one cell is a frame around text."""
        self._close_cell()
        rows = [row for row in self._rows if any(row)]
        made: list[Block] = []
        cells = [cell for row in rows for cell in row if cell]
        if len(cells) == 1:
            made.append(Paragraph(spans=(Span(text=cells[0]),)))
            self._notes.add("changed", "只有一格的表格成了段落 / a table of one cell became text")
        elif rows:
            width = max(len(row) for row in rows)
            even = [tuple(row + [""] * (width - len(row))) for row in rows]
            made += [
                Table(rows=tuple(even[at : at + MOST_ROWS]), header=self._head and at == 0,
                      caption=self._title if at == 0 else "")
                for at in range(0, len(even), MOST_ROWS)
            ]  # fmt: skip
            if len(even) > MOST_ROWS:
                self._notes.add("changed", "长表格分成了几个 / a long table was split")
        made += self._pictures
        return made

    def _open_cell(self, name: str, given: dict[str, str]) -> None:
        self._close_cell()
        if not self._rows:
            self._rows.append([])
        if name == "th" and len(self._rows) == 1:
            self._head = True
        self._cell = []
        self._span = _count(given.get("colspan", ""))
        down = _count(given.get("rowspan", ""))
        if self._span > 1 or down > 1:
            self._notes.add("changed", "合并的单元格拆开了 / merged cells were spread out")
        if down > 1:
            for column in range(len(self._rows[-1]), len(self._rows[-1]) + self._span):
                self._down[column] = down

    def _close_cell(self) -> None:
        if self._cell is None:
            return
        row = self._rows[-1]
        if len(row) < MOST_COLUMNS:
            row.append(tidy(tolerant("".join(self._cell), self._notes)))
            row += [""] * min(self._span - 1, MOST_COLUMNS - len(row))
        elif any(self._cell):
            row[-1] = tidy(f"{row[-1]} {tolerant(''.join(self._cell), self._notes)}")
        self._cell = None
        self._spread()

    def _spread(self) -> None:
        """Columns that a cell of an earlier row still covers are empty here."""
        row = self._rows[-1]
        while self._down.get(len(row), 0) > 1:
            self._down[len(row)] -= 1
            row.append("")


def _count(text: str) -> int:
    """Of a ``colspan`` or ``rowspan``: 1 where it says nothing sensible."""
    return min(max(int(text[:4]), 1), MOST_COLUMNS) if text.isascii() and text.isdigit() else 1
