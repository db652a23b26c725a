"""Run the migrations on the connection that ``storage.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from storage.duty_models import Base  # with the tables of all modules

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
