"""Steps from one schema of the store to the next. Plain SQL: what a step once did must not change with tables.py."""

from collections.abc import Callable

from sqlalchemy import Connection

Step = Callable[[Connection], None]


def notes_tags_and_numbers_used_once(connection: Connection) -> None:
    """1 to 2: studies have a note and tags; numbers of deleted jobs and models are not given out again.

    A process that still works for a deleted job would else be taken for the one that works for its namesake.
    """
    for statement in (
        "ALTER TABLE studies ADD COLUMN note TEXT DEFAULT '' NOT NULL",
        TAGS,
        "CREATE INDEX tags_tag ON tags (tag)",
        JOBS,
        f"INSERT INTO jobs_next SELECT {JOB_COLUMNS} FROM jobs",  # noqa: S608 - names from below
        "DROP TABLE jobs",
        "ALTER TABLE jobs_next RENAME TO jobs",
        "CREATE INDEX jobs_state ON jobs (state, id)",
        "CREATE INDEX jobs_of_study ON jobs (study, state)",
        TRAINED,
        "INSERT INTO trained_next SELECT run, study, epsilon, seed, path FROM trained",
        "DROP TABLE trained",
        "ALTER TABLE trained_next RENAME TO trained",
    ):
        connection.exec_driver_sql(statement)


TAGS = """CREATE TABLE tags (
    study VARCHAR NOT NULL, tag VARCHAR NOT NULL,
    PRIMARY KEY (study, tag), FOREIGN KEY(study) REFERENCES studies (digest)
)"""
JOBS = """CREATE TABLE jobs_next (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, study VARCHAR NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL,
    units TEXT NOT NULL, planned TEXT NOT NULL, expected FLOAT NOT NULL, state VARCHAR NOT NULL,
    attempt INTEGER NOT NULL, crashes INTEGER NOT NULL, threads INTEGER NOT NULL, lease FLOAT, started FLOAT,
    finished FLOAT, stage VARCHAR NOT NULL, stage_from INTEGER NOT NULL, stage_done INTEGER NOT NULL,
    stage_total INTEGER NOT NULL, stage_since FLOAT, error TEXT,
    UNIQUE (study, number), FOREIGN KEY(study) REFERENCES studies (digest)
)"""
JOB_COLUMNS = (
    "id, study, number, body, units, planned, expected, state, attempt, crashes, threads, lease, started, finished, "
    "stage, stage_from, stage_done, stage_total, stage_since, error"
)
TRAINED = """CREATE TABLE trained_next (
    run INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, study VARCHAR NOT NULL, epsilon FLOAT NOT NULL,
    seed INTEGER NOT NULL, path TEXT NOT NULL,
    UNIQUE (study, epsilon, seed), FOREIGN KEY(study) REFERENCES studies (digest)
)"""


def clip_only_and_made_by(connection: Connection) -> None:
    """2 to 3: models that are clipped and get no noise are told from those without privacy; jobs say who made them."""
    for statement in (
        "ALTER TABLE jobs ADD COLUMN made_by TEXT",
        RESULTS,
        f"INSERT INTO results_next SELECT {RESULT_COLUMNS}, 0 FROM results",  # noqa: S608 - names from below
        "DROP TABLE results",
        "ALTER TABLE results_next RENAME TO results",
        PROVISIONAL,
        "INSERT INTO provisional_next SELECT study, epsilon, seed, 0, step, steps, accuracy, epsilon_spent, loss "
        "FROM provisional",
        "DROP TABLE provisional",
        "ALTER TABLE provisional_next RENAME TO provisional",
        CLIPPED_TRAINED,
        "INSERT INTO trained_next SELECT run, study, epsilon, seed, 0, path FROM trained",
        "DROP TABLE trained",
        "ALTER TABLE trained_next RENAME TO trained",
    ):
        connection.exec_driver_sql(statement)


RESULTS = """CREATE TABLE results_next (
    id INTEGER NOT NULL, study VARCHAR, dataset VARCHAR, model VARCHAR, defence VARCHAR, epsilon FLOAT, delta FLOAT,
    noise_multiplier FLOAT, sample_rate FLOAT, train_steps INTEGER, max_grad_norm FLOAT, accountant VARCHAR,
    mode VARCHAR, unit VARCHAR, seed INTEGER, metric VARCHAR, attack VARCHAR, norm VARCHAR, eps FLOAT,
    attack_steps INTEGER, restarts INTEGER, value FLOAT, low FLOAT, high FLOAT, interval_method VARCHAR, n INTEGER,
    seconds FLOAT, engine_version VARCHAR, radius FLOAT NOT NULL, clip_only BOOLEAN NOT NULL,
    PRIMARY KEY (id), UNIQUE (study, epsilon, seed, metric, radius, clip_only),
    FOREIGN KEY(study) REFERENCES studies (digest)
)"""
RESULT_COLUMNS = (
    "id, study, dataset, model, defence, epsilon, delta, noise_multiplier, sample_rate, train_steps, max_grad_norm, "
    "accountant, mode, unit, seed, metric, attack, norm, eps, attack_steps, restarts, value, low, high, "
    "interval_method, n, seconds, engine_version, radius"
)
PROVISIONAL = """CREATE TABLE provisional_next (
    study VARCHAR NOT NULL, epsilon FLOAT NOT NULL, seed INTEGER NOT NULL, clip_only BOOLEAN NOT NULL,
    step INTEGER NOT NULL, steps INTEGER NOT NULL, accuracy FLOAT NOT NULL, epsilon_spent FLOAT, loss FLOAT,
    PRIMARY KEY (study, epsilon, seed, clip_only), FOREIGN KEY(study) REFERENCES studies (digest)
)"""
CLIPPED_TRAINED = """CREATE TABLE trained_next (
    run INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, study VARCHAR NOT NULL, epsilon FLOAT NOT NULL,
    seed INTEGER NOT NULL, clip_only BOOLEAN NOT NULL, path TEXT NOT NULL,
    UNIQUE (study, epsilon, seed, clip_only), FOREIGN KEY(study) REFERENCES studies (digest)
)"""


def a_privacy_ledger(connection: Connection) -> None:
    """3 to 4: what was released of each data set, which only grows; whose own images have pictures in common."""
    for statement in (
        """CREATE TABLE ledger (
            dataset VARCHAR NOT NULL, number INTEGER NOT NULL, written FLOAT NOT NULL, kind VARCHAR NOT NULL,
            body TEXT NOT NULL, previous VARCHAR NOT NULL, hash VARCHAR NOT NULL, PRIMARY KEY (dataset, number)
        )""",
        *(
            f"CREATE TRIGGER ledger_keeps_what_it_has_{change.lower()} BEFORE {change} ON ledger "
            "BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END"
            for change in ("UPDATE", "DELETE")
        ),
        "CREATE TABLE pictures (dataset VARCHAR NOT NULL, marks BLOB NOT NULL, PRIMARY KEY (dataset))",
        *(
            f"CREATE TRIGGER pictures_keep_their_marks_{change.lower()} BEFORE {change} ON pictures {when}"
            "BEGIN SELECT RAISE(ABORT, 'marks are never taken away'); END"
            for change, when in (("UPDATE", "WHEN length(NEW.marks) <= length(OLD.marks) "), ("DELETE", ""))
        ),
    ):
        connection.exec_driver_sql(statement)


def how_images_stand(connection: Connection) -> None:
    """4 to 5: how each attacked image stands, for paired comparisons and for a curve that sharpens."""
    connection.exec_driver_sql(
        """CREATE TABLE standing (
            study VARCHAR NOT NULL, epsilon FLOAT NOT NULL, seed INTEGER NOT NULL, clip_only BOOLEAN NOT NULL,
            attacks TEXT NOT NULL, radii TEXT NOT NULL, broken BLOB NOT NULL, "by" BLOB NOT NULL, done BOOLEAN NOT NULL,
            PRIMARY KEY (study, epsilon, seed, clip_only), FOREIGN KEY(study) REFERENCES studies (digest)
        )"""
    )


MIGRATIONS: dict[int, Step] = {  # from a schema number to the next one
    1: notes_tags_and_numbers_used_once,
    2: clip_only_and_made_by,
    3: a_privacy_ledger,
    4: how_images_stand,
}
