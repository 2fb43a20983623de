-- What is wrong. `exchange` and `message` may name rows that are gone, past their retention.
CREATE TABLE finding (
    id       INTEGER PRIMARY KEY,
    session  INTEGER NOT NULL,
    exchange INTEGER,
    message  INTEGER,
    rule     TEXT NOT NULL,
    side     INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    revision TEXT,
    subject  TEXT NOT NULL,
    text     TEXT NOT NULL
) STRICT;
CREATE INDEX finding_session ON finding (session);
CREATE INDEX finding_exchange ON finding (exchange) WHERE exchange IS NOT NULL;

-- What a server was seen to offer: in each session each list that differs from the one before. `body` is as in
-- a message.
CREATE TABLE surface (
    id      INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    whole   INTEGER NOT NULL,
    body    ANY NOT NULL
) STRICT;
CREATE INDEX surface_session ON surface (session);
