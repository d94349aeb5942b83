-- What both systems are told; words that PostgreSQL has others for are translated (postgres.go).

-- Entries are the only truth. Column by column but the sequence number they are
-- in the hash, in this order (record.go); nothing here may change later.
CREATE TABLE entries (
    seq    INTEGER PRIMARY KEY, -- from 1, without gaps
    format INTEGER NOT NULL,
    time   INTEGER NOT NULL,    -- nanoseconds since 1970, UTC
    run    TEXT    NOT NULL,
    kind   TEXT    NOT NULL,
    op     TEXT    NOT NULL,
    result TEXT    NOT NULL,
    person INTEGER NOT NULL,    -- of person_keys; 0: not about one person
    people INTEGER NOT NULL,    -- how many leave their group by it
    change BLOB    NOT NULL,    -- keyed digest of the change's id
    face   TEXT    NOT NULL,    -- JSON that names nobody
    sealed BLOB    NOT NULL,    -- boxes (seal.go)
    hash   BLOB    NOT NULL
) STRICT;
CREATE INDEX entries_run ON entries (run, seq);
CREATE INDEX entries_time ON entries (time);

-- The stored hashes of the Merkle log (golang.org/x/mod/sumdb/tlog) and its signed heads.
CREATE TABLE tree (
    idx  INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
) STRICT;
CREATE TABLE heads (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL
) STRICT;

-- One random key per person, wrapped by the ledger key. Forgetting empties wrapped and keeps the row.
CREATE TABLE person_keys (
    person  INTEGER PRIMARY KEY,
    wrapped BLOB NOT NULL
) STRICT;

-- Everything below is a projection of the entries.
CREATE TABLE names (
    digest BLOB    NOT NULL, -- keyed digest of a source key, a userName or an id
    person INTEGER NOT NULL,
    PRIMARY KEY (digest, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX names_person ON names (person);
CREATE TABLE mentions (
    person INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (person, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE links (
    person INTEGER PRIMARY KEY,
    state  BLOB NOT NULL, -- sealed for the person
    image  BLOB NOT NULL  -- sealed for the person; empty where nothing was seen
) STRICT;
CREATE TABLE opens (
    run    TEXT    NOT NULL,
    change BLOB    NOT NULL,
    seq    INTEGER NOT NULL,
    person INTEGER NOT NULL,
    target BLOB    NOT NULL, -- keyed digest of the group's id; empty for a person's change
    op     TEXT    NOT NULL,
    people INTEGER NOT NULL,
    since  INTEGER NOT NULL,
    unsure INTEGER NOT NULL, -- 1: there is an outcome, and it is unknown
    PRIMARY KEY (change, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX opens_person ON opens (person, target);
CREATE TABLE runs (
    run     TEXT    PRIMARY KEY,
    org     BLOB    NOT NULL,
    command TEXT    NOT NULL,
    began   INTEGER NOT NULL, -- seq of its entries; 0: none
    ended   INTEGER NOT NULL,
    intents INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    failed  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_began ON runs (began);
CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE about (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    id       TEXT NOT NULL, -- of this ledger, random
    checks   BLOB NOT NULL, -- tells whether a ledger key is the right one
    verifier TEXT NOT NULL  -- of the signed heads; empty before the first run
) STRICT;
