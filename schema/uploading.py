"""Files that are sent along with a request, and what is made of them."""

from __future__ import annotations

from typing import Annotated, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from geo.errors import BadInputError
from resolvers import drafts_reading
from resolvers.paging import check_length
from resolvers.uploads import Known, Received, UploadOrder, import_upload
from schema.arguments import LevelKey, UnitRefInput, plain_ref
from schema.drafts import Draft
from schema.enums import Datum
from schema.guard import change
from schema.ids import IdKind, decode
from schema.request import Info
from sources.columns import Columns

Upload = NewType("Upload", object)


def _received(value: object) -> Received:
    """Return the file that a variable stands for."""
    if not isinstance(value, Received):
        raise BadInputError(
            "a file is sent as a part of a multipart/form-data request: put null in its place and "
            "let `map` name it"
        )
    return value


UPLOAD = strawberry.scalar(
    name="Upload",
    description=(
        "A file part of a multipart request (graphql-multipart-request-spec): the fields "
        "`operations` and `map` come first, then the file. Needs an editor's key in the header."
    ),
    specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
    parse_value=_received,
)

UPLOADS: dict[object, ScalarDefinition] = {Upload: UPLOAD}
"""Python types of arguments, and the scalars that they are."""


@strawberry.input(
    description=(
        "Which columns of the file mean what; those left out are found by their usual names."
    )
)
class ColumnsInput:
    code: str | None = strawberry.field(default=None, description="The units' codes.")
    name: str | None = strawberry.field(default=None, description="Their names.")
    parent: str | None = strawberry.field(default=None, description="The codes of their parents.")
    households: str | None = strawberry.field(
        default=None, description="Households, as the file counts them."
    )
    people: str | None = strawberry.field(
        default=None, description="People, as the file counts them."
    )

    def plain(self) -> Columns:
        """Return the columns."""
        return Columns(
            code=self.code,
            name=self.name,
            parent=self.parent,
            households=self.households,
            people=self.people,
        )


@strawberry.type
class Uploading:
    @change(
        "Read a boundary file and check it: a draft with its findings and consequences. Within its "
        "ground the file is the whole truth of the level: units that it does not name are removed, "
        "and the draft says so. The draft is there from the beginning, READING; if the import "
        "fails, it stays FAILED. For editors of the ground."
    )
    async def import_boundaries(
        self,
        info: Info,
        *,
        file: Annotated[
            Upload,
            strawberry.argument(
                description=(
                    "GeoPackage, GeoJSON, FlatGeobuf, GeoParquet, KML …, or a zip of a Shapefile."
                )
            ),
        ],
        level: LevelKey,
        within: Annotated[
            UnitRefInput | None,
            strawberry.argument(
                description="The unit whose ground it redraws; null: the whole level."
            ),
        ] = None,
        layer: Annotated[
            str | None,
            strawberry.argument(description="Layer of the file; needed where there are several."),
        ] = None,
        encoding: Annotated[
            str | None,
            strawberry.argument(description="Encoding of its text, e.g. GB18030; null: as found."),
        ] = None,
        crs: Annotated[
            str | None,
            strawberry.argument(
                description="Its coordinate system, e.g. EPSG:4523; null: as found."
            ),
        ] = None,
        datum: Annotated[
            Datum | None,
            strawberry.argument(description="What its degrees refer to; null: as found."),
        ] = None,
        columns: Annotated[
            ColumnsInput | None,
            strawberry.argument(description="Its columns, as they are spelt in the file."),
        ] = None,
        with_: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(
                name="with",
                description=(
                    "Open drafts of other levels that it is checked on instead of on what stands; "
                    "they are published together. At most 1000."
                ),
            ),
        ] = None,
        ticket: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description=(
                    "A name of the client's own for importProgress, 1 to 200 printable characters: "
                    "a new one for each import."
                )
            ),
        ] = None,
    ) -> Draft | None:
        context = info.context
        check_length("with", with_ or ())
        others = [decode(i, argument="with", kind=IdKind.DRAFT).number for i in with_ or ()]
        order = UploadOrder(
            level=level,
            within=plain_ref(within),
            known=Known(
                layer=layer,
                encoding=encoding,
                crs=crs,
                datum=datum.plain if datum is not None else None,
                columns=columns.plain() if columns is not None else Columns(),
            ),
            together_with=others,
            ticket=ticket,
        )
        received = _received(file)
        number = await import_upload(context.reading, context.desk, received, order)
        context.renew()
        row = await drafts_reading.one(context.reading, number)
        return Draft.of(row) if row is not None else None
