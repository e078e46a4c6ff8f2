"""人员: who works here, their desks and roles, their passwords; for the administrator."""

import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, select
from starlette.responses import Response

from desk.answers import html
from desk.door import Door, Visit
from schemas.errors import Conflict, Fault, InvalidInput, NotApproved
from schemas.newsroom import Person
from schemas.rights import ROLE_ENGLISH, ROLE_NAMES, ROLES
from stores.ledger import accounts, passwords, people
from stores.ledger.tables import people as people_table

_EMPTY: dict[str, Any] = {"id": "", "name": "", "desk": "", "roles": (), "bound": {}}


@dataclass(frozen=True)
class PeoplePage:
    """``/people`` behind the door."""

    door: Door

    def install(self) -> None:
        add = self.door.add
        add("/people", self.show, "people.look")
        add("/people", self.put_new, "people.change", methods=["POST"])
        add("/people/{person}", self.change, "people.change", methods=["POST"])
        add("/people/{person}/password", self.reset, "people.change", methods=["POST"])
        add("/people/{person}/bar", self.bar, "people.change", methods=["POST"])
        add("/people/{person}/admit", self.admit, "people.change", methods=["POST"])

    def show(
        self,
        visit: Visit,
        *,
        status: int = 200,
        told: str = "",
        password: str = "",
        said: str = "",
        typed: dict[str, Any] | None = None,
    ) -> Response:
        with self.door.ledger.snapshot() as tx:
            rows = [_shown(row) for row in accounts.everybody(tx)]
        return html(
            "people.html",
            status,
            visit=visit,
            centre=self.door.newsroom.centre,
            people=rows,
            desks=sorted({row["desk"] for row in rows if row["desk"]}),
            change=visit.may("people.change"),
            roles=ROLES,
            role_names=ROLE_NAMES,
            role_english=ROLE_ENGLISH,
            told=told,
            password=password,
            said=said,
            typed=typed or _EMPTY,
        )

    def put_new(self, visit: Visit) -> Response:
        """Add somebody; their first password is shown once."""
        person = _read(visit.form, visit.form.get("id", "").strip())
        if isinstance(person, str):
            return self.show(visit, status=422, said=person, typed=_typed(visit.form))
        password = accounts.new_password()
        hashed = passwords.hashed(password)
        with self.door.ledger.transaction() as tx:
            now = self.door.ledger.now_ms()
            if _row(tx, person.id) is not None:
                told = f"已经有账号 {person.id} / there is such an account already"
                raise Conflict(Fault("person_known", "id", told, "换一个账号名 / take another"))
            people.put(tx, person, None, source="desk")
            accounts.set_password(tx, person.id, hashed, must_change=True, at=now)
            people.record(
                tx, visit.who.id, "people.added", at=now, detail=f"{person.id} {person.name}"
            )
        told = f"已添加 {person.name} ({person.id}), 第一个密码 / added; the first password:"
        return self.show(visit, told=told, password=password)

    def change(self, visit: Visit) -> Response:
        found = visit.request.path_params["person"]
        person = _read(visit.form, found)
        if isinstance(person, str):
            raise InvalidInput(Fault("bad_person", "roles", person))
        with self.door.ledger.transaction() as tx:
            row = _must(tx, found)
            if row.source != "desk":
                raise Conflict(_of_file())
            _not_the_last(tx, row, still="administrator" in person.roles)
            people.change(tx, person)
            # what the former roles had opened is shut at the next look: roles are read each time
            detail = f"{person.id}: {person.desk} {','.join(person.roles)}"
            people.record(
                tx, visit.who.id, "people.changed", at=self.door.ledger.now_ms(), detail=detail
            )
        return self.show(visit, told=f"已保存 {person.name} / saved")

    def reset(self, visit: Visit) -> Response:
        password = accounts.new_password()
        hashed = passwords.hashed(password)
        with self.door.ledger.transaction() as tx:
            row = _must(tx, visit.request.path_params["person"])
            if row.id == visit.who.id:
                told = "自己的密码在“改密码”里换 / change your own password on its page"
                raise NotApproved(Fault("own_password", "person", told))
            now = self.door.ledger.now_ms()
            accounts.set_password(tx, row.id, hashed, must_change=True, at=now)
            accounts.forget_tries(tx, row.id)
            people.record(tx, visit.who.id, "people.password_reset", at=now, detail=row.id)
        told = f"{row.name} ({row.id}) 的临时密码 / temporary password:"
        return self.show(visit, told=told, password=password)

    def bar(self, visit: Visit) -> Response:
        with self.door.ledger.transaction() as tx:
            row = _must(tx, visit.request.path_params["person"])
            if row.id == visit.who.id:
                told = "不能停用自己 / you cannot shut yourself out"
                raise NotApproved(
                    Fault("oneself", "person", told, "请另一位管理员操作 / ask another")
                )
            _not_the_last(tx, row, still=False)
            now = self.door.ledger.now_ms()
            accounts.bar(tx, row.id, at=now)
            people.record(tx, visit.who.id, "people.barred", at=now, detail=row.id)
        return self.show(visit, told=f"已停用 {row.name}: 密码和密钥都不能用了 / shut out")

    def admit(self, visit: Visit) -> Response:
        with self.door.ledger.transaction() as tx:
            row = _must(tx, visit.request.path_params["person"])
            now = self.door.ledger.now_ms()
            accounts.bar(tx, row.id, at=None)
            people.record(tx, visit.who.id, "people.admitted", at=now, detail=row.id)
        return self.show(visit, told=f"{row.name} 可以登录了 / may sign in again")


def _row(tx: Connection, person_id: str) -> Row[Any] | None:
    return tx.execute(select(people_table).where(people_table.c.id == person_id)).first()


def _must(tx: Connection, person_id: str) -> Row[Any]:
    row = _row(tx, person_id)
    if row is None:
        raise InvalidInput(
            Fault("no_such_person", "person", "没有这个人 / no such person"), status=404
        )
    return row


def _not_the_last(tx: Connection, row: Row[Any], *, still: bool) -> None:
    """One administrator must be left who can sign in."""
    if still or "administrator" not in json.loads(row.roles):
        return
    if not any(accounts.administers(one) for one in accounts.everybody(tx) if one.id != row.id):
        told = "这是最后一位管理员 / this is the last administrator"
        raise Conflict(
            Fault("last_administrator", "person", told, "先加另一位 / add another first")
        )


def _of_file() -> Fault:
    return Fault(
        "person_of_file",
        "person",
        "这个人写在 newsroom.toml 里 / this person stands in newsroom.toml",
        "在文件里改, 再重启 / change the file and restart",
    )


def _shown(row: Row[Any]) -> dict[str, Any]:
    out = ""
    if row.barred_at is not None:
        out = "已停用 / shut out"
    elif not row.active:
        out = "已不在 newsroom.toml 里 / not in the file any more"
    return {
        "id": row.id,
        "name": row.name,
        "desk": row.desk,
        "roles": json.loads(row.roles),
        "bound": json.loads(row.bound),
        "file": row.source == "file",
        "out": out,
        "barred": row.barred_at is not None,
        "account": row.password is not None,
        "must_change": bool(row.must_change),
    }


def _typed(form: dict[str, str]) -> dict[str, Any]:
    """What the form said, whatever it is worth: shown again beside the fault."""
    bound = {r: _desks(form.get(f"bound.{r}", "")) for r in ROLES}
    return {
        "id": form.get("id", "").strip(),
        "name": form.get("name", "").strip(),
        "desk": form.get("desk", "").strip(),
        "roles": tuple(role for role in ROLES if form.get(f"role.{role}")),
        "bound": {role: desks for role, desks in bound.items() if desks},
    }


def _desks(text: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(part.strip() for part in re.split(r"[、,，;；]", text) if part.strip())
    )


def _read(form: dict[str, str], person_id: str) -> Person | str:
    """The person that a form describes, or what is wrong with it."""
    typed = _typed(form)
    if not typed["roles"]:
        return "至少选一项权限 / choose at least one role"
    loose = [r for r in typed["bound"] if r not in typed["roles"]]
    if loose:
        names = "、".join(ROLE_NAMES[role] for role in loose)
        return f"{names}: 填了部门, 但没有勾这项权限 / desks for a role that is not ticked"
    try:
        return Person.model_validate({**typed, "id": person_id})
    except ValidationError as error:
        fields = {"id": "账号", "name": "姓名", "desk": "部门", "bound": "部门"}
        wrong = {fields.get(str(e["loc"][0]), str(e["loc"][0])) for e in error.errors()}
        return f"请检查: {'、'.join(sorted(wrong))} / please check these fields"
