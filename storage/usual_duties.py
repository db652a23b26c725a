"""The duties that a new database knows, as long as its levels are the usual ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select

from storage.duty_models import Duty, DutyLevel, DutyPost
from storage.models import Level

if TYPE_CHECKING:
    from sqlalchemy import Connection


class UsualDuty(NamedTuple):
    """A duty and the levels that it may be carried on, its own one first."""

    key: str
    name: str
    levels: tuple[str, ...]
    min: int
    max: int | None
    several: bool = True
    public: bool = True


USUAL_DUTIES = (
    UsualDuty("grid_holder", "网格长", ("grid",), 1, 1, several=False),
    UsualDuty("party_branch", "党支部", ("compound",), 1, None),
    UsualDuty("branch_secretary", "党支部书记", ("compound",), 0, 1),
    UsualDuty("owners_committee", "业主委员会", ("compound",), 0, 1),
    UsualDuty("committee_chair", "业主委员会主任", ("compound",), 0, 1),
    UsualDuty("supervisory_board", "监督委员会", ("compound",), 0, 1),
    UsualDuty("property_company", "物业服务企业", ("compound",), 0, 1),
    UsualDuty("advisor_legal", "法律顾问", ("compound",), 0, None),
    UsualDuty("advisor_health", "健康顾问", ("compound",), 0, None),
    UsualDuty("advisor_safety", "安全顾问", ("compound",), 0, None),
    UsualDuty("advisor_culture", "文化顾问", ("compound",), 0, None),
    UsualDuty("paired_department", "结对部门", ("community", "compound"), 1, None),
    UsualDuty("community_liaison", "社区联络员", ("community",), 1, None),
    UsualDuty("building_head", "楼栋长", ("compound",), 0, None, public=False),
    UsualDuty("station_head", "驿站站长", ("community",), 0, None),
    UsualDuty("volunteer", "志愿者", ("grid",), 0, None, several=False, public=False),
    UsualDuty("community_office", "社区居民委员会", ("community",), 1, 1),
    UsualDuty("subdistrict_office", "街道办事处", ("subdistrict",), 1, 1),
    UsualDuty("volunteer_team", "志愿服务队", ("community",), 0, None),
)

USUAL_POSTS = (
    ("policy_guide", "政策宣传员", "teaching"),
    ("news_keeper", "民情信息员", "social_work"),
    ("safety_patrol", "安全巡查员", "security"),
    ("mediator", "矛盾调解员", "mediation"),
    ("elder_helper", "助老帮扶员", "medical"),
    ("green_keeper", "环境卫生员", "farming"),
    ("handy_helper", "便民维修员", "repair"),
    ("rescue_helper", "应急救援员", "rescue"),
)
"""The posts of volunteers on grids, and the skill that fits each."""

POSTED = "volunteer"
"""The duty that has these posts."""


def insert_usual_duties(connection: Connection) -> None:
    """Fill an empty table of duties with those whose levels there are."""
    if connection.scalar(select(Duty.key).limit(1)) is not None:
        return
    known = set(connection.scalars(select(Level.key)))
    duties = [duty for duty in USUAL_DUTIES if known.issuperset(duty.levels)]
    if not duties:
        return
    connection.execute(insert(Duty), [_row(duty) for duty in duties])
    levels = [{"duty": d.key, "level": level} for d in duties for level in d.levels]
    connection.execute(insert(DutyLevel), levels)
    if any(duty.key == POSTED for duty in duties):
        connection.execute(insert(DutyPost), _posts())


def _row(duty: UsualDuty) -> dict[str, object]:
    values = duty._asdict()
    return {**values, "level": values.pop("levels")[0]}


def _posts() -> list[dict[str, object]]:
    return [
        {"duty": POSTED, "key": key, "name": name, "skill": skill, "rank": rank}
        for rank, (key, name, skill) in enumerate(USUAL_POSTS)
    ]
