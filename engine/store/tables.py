"""The tables. Times are seconds since 1970; states of a job: queued, running, stopping, done, failed, stopped."""

from dataclasses import fields
from typing import Any

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

from engine.results import Row

SCHEMA = 5  # raised with a step in migrations.py
metadata = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

studies = Table(
    "studies",
    metadata,
    Column("digest", String, primary_key=True),
    Column("body", Text, nullable=False),
    Column("dataset", String, nullable=False),
    Column("model", String, nullable=False),
    Column("created", Float, nullable=False, index=True),
    Column("revision", Integer, nullable=False, default=1),
    Column("note", Text, nullable=False, server_default=""),
)

tags = Table(
    "tags",
    metadata,
    Column("study", ForeignKey("studies.digest"), primary_key=True),
    Column("tag", String, primary_key=True),
    Index("tags_tag", "tag"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey("studies.digest"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("units", Text, nullable=False),
    Column("planned", Text, nullable=False),
    Column("expected", Float, nullable=False),
    Column("state", String, nullable=False, default="queued"),
    Column("attempt", Integer, nullable=False, default=0),
    Column("crashes", Integer, nullable=False, default=0),
    Column("threads", Integer, nullable=False),
    Column("lease", Float),
    Column("started", Float),
    Column("finished", Float),
    Column("stage", String, nullable=False, default=""),
    Column("stage_from", Integer, nullable=False, default=0),
    Column("stage_done", Integer, nullable=False, default=0),
    Column("stage_total", Integer, nullable=False, default=1),
    Column("stage_since", Float),
    Column("error", Text),
    Column("made_by", Text),
    UniqueConstraint("study", "number"),
    Index("jobs_state", "state", "id"),
    Index("jobs_of_study", "study", "state"),
    sqlite_autoincrement=True,  # a number that was deleted is not given out again
)

_KINDS: dict[Any, Any] = {float: Float, int: Integer, str: String}

results = Table(
    "results",
    metadata,
    Column("id", Integer, primary_key=True),
    *(
        Column(field.name, _KINDS[field.type], *([ForeignKey("studies.digest")] if field.name == "study" else []))
        for field in fields(Row)
    ),
    Column("radius", Float, nullable=False),
    Column("clip_only", Boolean, nullable=False),
    UniqueConstraint("study", "epsilon", "seed", "metric", "radius", "clip_only"),
)

provisional = Table(
    "provisional",
    metadata,
    Column("study", ForeignKey("studies.digest"), primary_key=True),
    Column("epsilon", Float, primary_key=True),
    Column("seed", Integer, primary_key=True),
    Column("clip_only", Boolean, primary_key=True),
    Column("step", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("accuracy", Float, nullable=False),
    Column("epsilon_spent", Float),
    Column("loss", Float),
)

standing = Table(
    "standing",
    metadata,
    Column("study", ForeignKey("studies.digest"), primary_key=True),
    Column("epsilon", Float, primary_key=True),
    Column("seed", Integer, primary_key=True),
    Column("clip_only", Boolean, primary_key=True),
    Column("attacks", Text, nullable=False),
    Column("radii", Text, nullable=False),
    Column("broken", LargeBinary, nullable=False),
    Column("by", LargeBinary, nullable=False),
    Column("done", Boolean, nullable=False),
)

trained = Table(
    "trained",
    metadata,
    Column("run", Integer, primary_key=True),
    Column("study", ForeignKey("studies.digest"), nullable=False),
    Column("epsilon", Float, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("clip_only", Boolean, nullable=False),
    Column("path", Text, nullable=False),
    UniqueConstraint("study", "epsilon", "seed", "clip_only"),
    sqlite_autoincrement=True,
)

speeds = Table(
    "speeds",
    metadata,
    Column("dataset", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("stage", String, primary_key=True),
    Column("threads", Integer, primary_key=True),
    Column("seconds", Float, nullable=False),
)

interests = Table(
    "interests",
    metadata,
    Column("study", ForeignKey("studies.digest"), primary_key=True),
    Column("who", String, primary_key=True),
    Column("seen", Float, nullable=False),
    Column("lasting", Boolean, nullable=False),
)

# what was spent outlives the study that spent it: nothing here refers to one by a column called study
ledger = Table(
    "ledger",
    metadata,
    Column("dataset", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("written", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
)
for change in ("UPDATE", "DELETE"):
    refused = DDL(  # type: ignore[no-untyped-call]
        f"CREATE TRIGGER ledger_keeps_what_it_has_{change.lower()} BEFORE {change} ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END"
    )
    event.listen(ledger, "after_create", refused.execute_if(dialect="sqlite"))

pictures = Table(
    "pictures",
    metadata,
    Column("dataset", String, primary_key=True),
    Column("marks", LargeBinary, nullable=False),
)
# marks are added, never taken away: who shared pictures yesterday shares them tomorrow
for change, when in (("UPDATE", "WHEN length(NEW.marks) <= length(OLD.marks) "), ("DELETE", "")):
    kept = DDL(  # type: ignore[no-untyped-call]
        f"CREATE TRIGGER pictures_keep_their_marks_{change.lower()} BEFORE {change} ON pictures {when}"
        "BEGIN SELECT RAISE(ABORT, 'marks are never taken away'); END"
    )
    event.listen(pictures, "after_create", kept.execute_if(dialect="sqlite"))
