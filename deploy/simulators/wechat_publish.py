"""WeChat's publishing: submit, get, delete, getarticle, batchget.

Sources: api_freepublish_submit (errcode 0 means queued only), api_freepublish_get (status 0 to 6),
api_freepublishdelete, api_freepublishgetarticle, api_freepublish_batchget. A submit carries no key
against repeats; what guards against one is that a published draft leaves the draft box.

Time does the rest: a job has its verdict and its due time from the start, and ``settle`` carries
out what has come due, in order, before the next request is looked at.
"""

import json
import secrets
from typing import Any

from deploy.simulators.platform_state import control, take_control, transaction
from deploy.simulators.shell import note
from deploy.simulators.wechat_account import Account, Call
from deploy.simulators.wechat_drafts import OK, page_arguments, shown_article, without_content
from deploy.simulators.wechat_rules import Refusal, number_field, text_field

DONE, RUNNING, DELETED_BY_AUTHOR = 0, 1, 5


async def submit(account: Account, call: Call) -> dict[str, Any]:
    """``{"media_id"}`` of a draft in the box → a job. Unknown or used drafts are refused, 40007."""
    platform = account.platform
    media_id = text_field(call.body, "media_id", wrong_type=40007)
    note(call.request, media_id=media_id)
    delay_s = control(platform, "publish_delay_s", account.publish_delay_s)
    leaves_late = control(platform, "draft_leaves_box", "at_submit") == "at_publish"
    verdict = take_control(platform, "next_publish_status", DONE)
    now = platform.clock()
    with transaction(platform) as db:
        draft = db.execute(
            "SELECT articles FROM drafts WHERE media_id=? AND in_box=1", (media_id,)
        ).fetchone()
        if draft is None:
            raise Refusal(40007)
        job = db.execute(
            "INSERT INTO jobs(media_id, articles, submitted_at, due_at, verdict, status)"
            " VALUES(?,?,?,?,?,?)",
            (media_id, draft["articles"], now, now + int(delay_s * 1000), verdict, RUNNING),
        )
        if not leaves_late:
            db.execute("UPDATE drafts SET in_box=0 WHERE media_id=?", (media_id,))
    publish_id = str(job.lastrowid)
    note(call.request, publish_id=publish_id)
    return OK | {"publish_id": publish_id, "msg_data_id": str(job.lastrowid)}


def settle(account: Account) -> None:
    """Finish each job that has come due: its articles appear, or its draft is back in the box."""
    platform = account.platform
    due = platform.db.execute(
        "SELECT * FROM jobs WHERE status=? AND due_at<=? ORDER BY due_at, publish_id",
        (RUNNING, platform.clock()),
    ).fetchall()
    for job in due:
        with transaction(platform) as db:
            article_id = secrets.token_urlsafe(48) if job["verdict"] == DONE else None
            db.execute(
                "UPDATE jobs SET status=?, article_id=? WHERE publish_id=?",
                (job["verdict"], article_id, job["publish_id"]),
            )
            db.execute(
                "UPDATE drafts SET in_box=? WHERE media_id=?",
                (0 if article_id else 1, job["media_id"]),
            )
            for index, article in enumerate(json.loads(job["articles"]) if article_id else []):
                db.execute(
                    "INSERT INTO published VALUES(?,?,?,?,?,NULL)",
                    (
                        article_id,
                        index + 1,
                        secrets.token_urlsafe(16),
                        json.dumps(article, ensure_ascii=False),
                        job["due_at"],
                    ),
                )


async def get(account: Account, call: Call) -> dict[str, Any]:
    """``{"publish_id"}`` → its ``publish_status`` and, when published, the articles' addresses."""
    publish_id = call.body.get("publish_id")
    note(call.request, publish_id=str(publish_id))
    if not isinstance(publish_id, str | int) or not str(publish_id).isdigit():
        raise Refusal(53502)
    job = account.platform.db.execute(
        "SELECT * FROM jobs WHERE publish_id=?", (int(publish_id),)
    ).fetchone()
    if job is None:
        raise Refusal(53502)
    answer = {"publish_id": str(publish_id), "publish_status": job["status"], "fail_idx": []}
    if job["article_id"] is not None:
        rows = _articles(account, job["article_id"])
        if all(row["deleted_at"] is not None for row in rows):
            answer["publish_status"] = DELETED_BY_AUTHOR
        else:
            answer["article_id"] = job["article_id"]
            answer["article_detail"] = {
                "count": len(rows),
                "item": [{"idx": row["idx"], "article_url": _url(call, row)} for row in rows],
            }
            note(call.request, article_id=job["article_id"])
    elif job["status"] != RUNNING:
        answer["fail_idx"] = [index + 1 for index in range(len(json.loads(job["articles"])))]
    return answer


async def delete(account: Account, call: Call) -> dict[str, Any]:
    """``{"article_id", "index" from 1; 0 or none means all}``: for good.

    The platform's answer for an article that is gone already is not documented; here it is 53600.
    """
    rows = _known(account, call)
    index = number_field(call.body, "index", 0)
    if index not in {0, *(row["idx"] for row in rows)}:
        raise Refusal(40060)
    live = [row["idx"] for row in rows if row["deleted_at"] is None and index in {0, row["idx"]}]
    if not live:
        raise Refusal(53600)
    with transaction(account.platform) as db:
        db.executemany(
            "UPDATE published SET deleted_at=? WHERE article_id=? AND idx=?",
            [(account.platform.clock(), rows[0]["article_id"], one) for one in live],
        )
    return OK


async def getarticle(account: Account, call: Call) -> dict[str, Any]:
    """``{"article_id"}`` → ``{"news_item": [...]}`` with ``is_deleted`` each."""
    return {"news_item": [_news(account, call, row) for row in _known(account, call)]}


async def batchget(account: Account, call: Call) -> dict[str, Any]:
    """``{"offset", "count" 1..20, "no_content"}`` → what was published, newest first."""
    offset, count, no_content = page_arguments(call.body)
    platform = account.platform
    shown_until = platform.clock() - int(control(platform, "list_delay_s", 0) * 1000)
    rows = platform.db.execute(
        "SELECT article_id, min(published_at) AS at FROM published GROUP BY article_id"
        " HAVING at<=? ORDER BY at DESC, max(rowid) DESC",
        (shown_until,),
    ).fetchall()
    items = []
    for row in rows[offset : offset + count]:
        news = [_news(account, call, one) for one in _articles(account, row["article_id"])]
        content = {
            "news_item": [without_content(one) for one in news] if no_content else news,
            "create_time": row["at"] // 1000,
            "update_time": row["at"] // 1000,
        }
        items.append(
            {
                "article_id": row["article_id"],
                "content": content,
                "update_time": row["at"] // 1000,
            }
        )
    return {"item": items, "total_count": len(rows), "item_count": len(items)}


def _known(account: Account, call: Call) -> list[Any]:
    article_id = text_field(call.body, "article_id", wrong_type=53600)
    note(call.request, article_id=article_id)
    rows = _articles(account, article_id)
    if not rows:
        raise Refusal(53600)
    return rows


def _articles(account: Account, article_id: str) -> list[Any]:
    return account.platform.db.execute(
        "SELECT * FROM published WHERE article_id=? ORDER BY idx", (article_id,)
    ).fetchall()


def _url(call: Call, row: Any) -> str:
    return f"{call.base_url}/s/{row['page_id']}"


def _news(account: Account, call: Call, row: Any) -> dict[str, Any]:
    shown = shown_article(account, call, json.loads(row["article"]))
    return shown | {"url": _url(call, row), "is_deleted": row["deleted_at"] is not None}
