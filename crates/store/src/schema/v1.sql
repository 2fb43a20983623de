-- What is handed out next, and how often anything was deleted: ids are never used twice.
CREATE TABLE state (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    next_session  INTEGER NOT NULL,
    next_exchange INTEGER NOT NULL,
    next_message  INTEGER NOT NULL,
    -- Grows with each deletion: what a process remembers of rows is stale when it changed.
    generation    INTEGER NOT NULL,
    -- When retention last began, in nanoseconds since the Unix epoch.
    retained_at   INTEGER NOT NULL,
    -- Tells this journal from another that took its place.
    journal       INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (1, 1, 1, 1, 0, 0, random());

CREATE TABLE source (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    name              TEXT NOT NULL,
    server            TEXT NOT NULL,
    client_transport  INTEGER NOT NULL,
    server_transport  INTEGER NOT NULL,
    pid               INTEGER NOT NULL,
    server_pid        INTEGER,
    started           INTEGER NOT NULL,
    ended             INTEGER,
    exit_status       INTEGER,
    full_until        INTEGER,
    -- Traffic that the observer missed, and records that this journal had no room for.
    lost_bytes        INTEGER NOT NULL,
    lost_records      INTEGER NOT NULL,
    lost_record_bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
    id             INTEGER PRIMARY KEY,
    source         INTEGER NOT NULL,
    opened         INTEGER NOT NULL,
    closed         INTEGER,
    era            INTEGER,
    transport      INTEGER NOT NULL,
    revision       TEXT,
    client_name    TEXT,
    client_version TEXT,
    server_name    TEXT,
    server_version TEXT,
    key            TEXT
) STRICT;
CREATE INDEX session_source ON session (source);

-- Slim, so that a million of them can be filtered in half a second. The layout of `rest` is in `row.rs`.
CREATE TABLE exchange (
    id      INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    status  INTEGER NOT NULL,
    opened  INTEGER NOT NULL,
    closed  INTEGER,
    method  TEXT NOT NULL,
    target  TEXT,
    rest    BLOB NOT NULL
) STRICT;
CREATE INDEX exchange_session ON exchange (session);

-- `body` and `head` are the bytes themselves, or the id of a `content` as an integer.
CREATE TABLE message (
    id       INTEGER PRIMARY KEY,
    session  INTEGER NOT NULL,
    exchange INTEGER,
    piece    INTEGER NOT NULL,
    sender   INTEGER NOT NULL,
    stored   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    body     ANY NOT NULL,
    head     ANY,
    rest     BLOB NOT NULL
) STRICT;
-- Only what no exchange lists; an entry for each message would cost a third of writing it.
CREATE INDEX message_loose ON message (session) WHERE exchange IS NULL;

-- Larger bodies and heads, once each. `digest` is the first half of BLAKE3 of the bytes.
CREATE TABLE content (
    id     INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    refs   INTEGER NOT NULL,
    bytes  BLOB NOT NULL
) STRICT;
