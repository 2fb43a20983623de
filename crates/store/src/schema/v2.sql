-- Which leg a source records: 0 the client's, 1 the server's. A bridge is two sources.
ALTER TABLE source ADD COLUMN leg INTEGER NOT NULL DEFAULT 0;
