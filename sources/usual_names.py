"""The names by which columns of boundary files usually go, by meaning and rank.

Names are written in the form that ``sources.columns.plain`` gives them: without case, blanks and
separators. Agencies build them of a word for the rank and an ending, in Chinese (``社区编码``),
English (``community_code``), initials of pinyin (``SQBM``) or a mixture (``SQ_CODE``), so they
are built here in the same way.
"""

from __future__ import annotations

from typing import NamedTuple


class Rank(NamedTuple):
    """How one rank of the hierarchy is called."""

    chinese: tuple[str, ...]
    latin: tuple[str, ...]


# From the lowest rank upwards. Initials that more often mean something else (zj: 证件, jz: 建筑)
# are left out.
RANKS = (
    Rank(
        ("网格", "单元网格", "责任网格", "基础网格", "小区"),
        ("grid", "wg", "dywg", "zrwg", "compound", "xq"),
    ),
    Rank(
        ("社区", "村", "村居", "社区村", "居委会", "村委会", "居村委会", "社区居村委会"),
        ("community", "sq", "cun", "sqjcwh", "jcwh", "village", "vill"),
    ),
    Rank(
        ("街道", "乡镇", "镇街", "街镇", "镇", "乡镇街道", "街道乡镇"),
        ("subdistrict", "jd", "xz", "xzjd", "town", "township", "street"),
    ),
    Rank(("区县", "区", "县", "县区", "县市区"), ("district", "qx", "county")),
)
GENERIC, GRID, DISTRICT = 0, 1, 4
"""Places of the groups below: of no rank, of the lowest and of the topmost one."""

_CODE_ENDS = (
    ("编码", "代码", "唯一编码", "统一编码", "唯一标识码", "区划代码", "区划编码", "行政区划代码"),
    ("code", "bm", "dm", "wybm", "qhdm"),
)
_NAME_ENDS = ("名称", "名"), ("name", "mc")
_BELONGS = ("所属", "所在", "归属"), ("ss", "sz")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _built(rank: Rank, ends: tuple[tuple[str, ...], tuple[str, ...]]) -> tuple[str, ...]:
    chinese, latin = ends
    first = [rank.latin[0] + latin[0]]
    words = [word + end for end in chinese for word in rank.chinese]
    initials = [word + end for end in latin for word in rank.latin]
    return tuple(dict.fromkeys(first + words + initials))


def _belonging(rank: Rank, ends: tuple[tuple[str, ...], tuple[str, ...]]) -> tuple[str, ...]:
    chinese, latin = ends
    words = [f"{to}{word}{end}" for to in _BELONGS[0] for end in chinese for word in rank.chinese]
    initials = [f"{to}{word}{end}" for to in _BELONGS[1] for end in latin for word in rank.latin]
    return tuple(words + initials)


CODES = (
    _words("code 编码 代码 unitcode 单元编码 统一编码 唯一编码 bm dm orgcode 组织编码"),
    *(_built(rank, _CODE_ENDS) for rank in RANKS),
    _words(
        "adcode 区划代码 区划编码 行政区划代码 行政区划编码 行政区代码 行政区编码 政区代码"
        " 统计用区划代码 坐落单位代码 xzqdm xzqbm xzqhdm xzqhbm qhdm qhbm tjyqhdm zldwdm pac"
        " adcode99 geoid20 geoid10 geoid"
    ),
    ("precid", "precinctid"),
    ("vtdst20", "statefips"),
    _words("id gridid wgid 编号 网格编号 网格号 wgbh wgh bgcode 标识码 bsm osmid osmwayid uid"),
)
"""Names of codes in groups, the likeliest group first; within each the best known first.

The first group says nothing of a rank; those of the ranks follow from the lowest upwards, since a
file of grids also names the community of each. Row numbers (OBJECTID, FID) are no codes: every
export counts anew."""

COUNTERS = len(CODES) - 1
"""The last group: numbers that may have been given by a program."""

NAMES = (
    _words("name 名称 unitname 单元名称 全称 mc"),
    *(_built(rank, _NAME_ENDS) for rank in RANKS),
    _words(
        "xzqmc 行政区名称 qhmc 区划名称 政区名称 坐落单位名称 zldwmc orgname 组织名称"
        " name20 name10 namelsad20 namelsad10 namelsad statename label title"
    ),
)
"""Names of names, in groups as those of codes."""

PARENTS = _words(
    "parent parentcode parentid 上级编码 上级代码 上级区划代码 上级区划编码 上级网格编码"
    " 上级组织编码 上级 父级编码 父编码 父级代码 所属编码 所属代码 sjbm sjdm fjbm fjdm pcode pid"
    " parentname 上级名称 sjmc"
)
PARENTS_OF_RANK = tuple(
    (
        _belonging(rank, _CODE_ENDS)
        + _belonging(rank, ((("", *_NAME_ENDS[0])), ("", *_NAME_ENDS[1])))
    )
    for rank in RANKS[1:]
)
"""Names of a parent that say its rank (所属社区编码, SSSQ), from communities upwards; codes before
what may be a name."""

HOUSEHOLDS = _words(
    "households 户数 总户数 家庭户数 住户数 居民户数 常住户数 户籍户数 household householdcount"
    " hhs hushu hs zhs jths jmhs hjhs"
)
PEOPLE = _words(
    "people 人口 人口数 总人口 人数 常住人口 总人口数 人口总数 人口数量 常住人口数 实有人口"
    " 户籍人口 户籍人口数 population pop totalpop totpop renkou rks rk zrks zrk czrk czrks syrk"
    " hjrk"
)

_CODE_LIKE = frozenset(word for group in CODES for word in group)
_NAME_LIKE = frozenset(word for group in NAMES for word in group)
MEANINGS = (
    _CODE_LIKE,
    _NAME_LIKE,
    frozenset(PARENTS).union(*PARENTS_OF_RANK),
    frozenset(HOUSEHOLDS),
    frozenset(PEOPLE),
)
"""All names of each meaning: a name that was cut short may be the beginning of several."""
