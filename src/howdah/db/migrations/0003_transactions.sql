-- Transactions that wait to be finished: requests and answers as messages, in the order they came.
CREATE TABLE transactions (
    id TEXT PRIMARY KEY,
    started INTEGER NOT NULL
);
CREATE TABLE transaction_requests (
    id TEXT NOT NULL REFERENCES transactions (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    request BLOB NOT NULL,
    response BLOB NOT NULL,
    PRIMARY KEY (id, place)
) WITHOUT ROWID;
