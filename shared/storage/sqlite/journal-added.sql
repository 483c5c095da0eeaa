-- What came to a journal after its first version; made when missing, whenever it is opened.

-- In partition 0: up to where the entries of each broker worker's partition have been gathered into this one.
CREATE TABLE IF NOT EXISTS gathered (slot INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT;
