-- SPDX-License-Identifier: BSD-2-Clause
-- A holdfast container, format 1. This file is the specification of the format; docs/container.md explains it.
--
-- Database settings: page_size 4096, encoding UTF-8, auto_vacuum none, application_id 0x686f6c64 ("hold"),
-- user_version 0x00010001 (upper half: lowest format a reader must know; lower half: format).
--
-- There are tables only: no index, view, trigger or virtual table. A reader compares sqlite_schema with the statements
-- below byte for byte. Every table begins with `id` and `sum`; `sum` is the first 16 bytes of SHA-256 over the table's
-- name, the id and every other column.

CREATE TABLE ledger (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 15),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    name TEXT NOT NULL CHECK (typeof(name) = 'text'),
    rows INTEGER NOT NULL CHECK (typeof(rows) = 'integer' AND rows >= 0),
    total BLOB NOT NULL CHECK (typeof(total) = 'blob' AND length(total) = 16)
);

CREATE TABLE container (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    uid TEXT NOT NULL CHECK (typeof(uid) = 'text' AND length(uid) = 32),
    created INTEGER NOT NULL CHECK (typeof(created) = 'integer'),
    key_id TEXT CHECK (key_id IS NULL)
);

CREATE TABLE guest (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    uuid TEXT NOT NULL CHECK (typeof(uuid) = 'text' AND length(uuid) = 36),
    name TEXT NOT NULL CHECK (typeof(name) = 'text' AND length(name) < 128),
    arch TEXT NOT NULL CHECK (typeof(arch) = 'text' AND length(arch) < 16),
    machine TEXT NOT NULL CHECK (typeof(machine) = 'text' AND length(machine) < 64)
);

CREATE TABLE owner (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    state INTEGER NOT NULL CHECK (typeof(state) = 'integer' AND state BETWEEN 1 AND 6),
    epoch INTEGER NOT NULL CHECK (typeof(epoch) = 'integer' AND epoch > 0),
    host_id TEXT NOT NULL CHECK (typeof(host_id) = 'text' AND length(host_id) < 33),
    host_name TEXT NOT NULL CHECK (typeof(host_name) = 'text' AND length(host_name) < 128),
    since INTEGER NOT NULL CHECK (typeof(since) = 'integer'),
    reason TEXT NOT NULL CHECK (typeof(reason) = 'text' AND length(reason) < 128),
    attempt INTEGER NOT NULL CHECK (typeof(attempt) = 'integer' AND attempt BETWEEN 0 AND 4294967295)
);

CREATE TABLE setting (
    id INTEGER PRIMARY KEY,
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    name TEXT NOT NULL CHECK (typeof(name) = 'text' AND length(name) < 64),
    value TEXT NOT NULL CHECK (typeof(value) = 'text' AND length(value) < 256)
);

CREATE TABLE state (
    id INTEGER PRIMARY KEY,
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    name TEXT NOT NULL CHECK (typeof(name) = 'text' AND length(name) < 64),
    value TEXT NOT NULL CHECK (typeof(value) = 'text' AND length(value) < 1024)
);

CREATE TABLE image (
    id INTEGER PRIMARY KEY CHECK (id > 0),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    digest BLOB NOT NULL CHECK (typeof(digest) = 'blob' AND length(digest) = 32),
    kind INTEGER NOT NULL CHECK (typeof(kind) = 'integer' AND kind BETWEEN 1 AND 3),
    size INTEGER NOT NULL CHECK (typeof(size) = 'integer' AND size BETWEEN 1 AND 67108864),
    stored INTEGER NOT NULL CHECK (typeof(stored) = 'integer' AND stored >= 0),
    added INTEGER NOT NULL CHECK (typeof(added) = 'integer'),
    name TEXT NOT NULL CHECK (typeof(name) = 'text' AND length(name) < 128)
);

CREATE TABLE chunk (
    id INTEGER PRIMARY KEY CHECK (id >= 65536),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    bytes BLOB NOT NULL CHECK (typeof(bytes) = 'blob' AND length(bytes) BETWEEN 1 AND 135168)
);

CREATE TABLE snapshot (
    id INTEGER PRIMARY KEY CHECK (id > 0),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    taken INTEGER NOT NULL CHECK (typeof(taken) = 'integer'),
    reason TEXT NOT NULL CHECK (typeof(reason) = 'text' AND length(reason) < 64),
    code INTEGER REFERENCES image (id),
    size INTEGER NOT NULL CHECK (typeof(size) = 'integer' AND size BETWEEN 0 AND 67108864),
    vars BLOB CHECK (vars IS NULL OR typeof(vars) = 'blob' AND length(vars) = 32)
);

CREATE TABLE kept (
    id INTEGER PRIMARY KEY CHECK (id >= 4294967296),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    bytes BLOB NOT NULL CHECK (typeof(bytes) = 'blob' AND length(bytes) IN (1, 4096))
);

CREATE TABLE slot (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 3),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    code INTEGER NOT NULL REFERENCES image (id),
    vars INTEGER REFERENCES image (id),
    snapshot INTEGER REFERENCES snapshot (id),
    since INTEGER NOT NULL CHECK (typeof(since) = 'integer'),
    label TEXT NOT NULL CHECK (typeof(label) = 'text' AND length(label) < 128),
    origin TEXT NOT NULL CHECK (typeof(origin) = 'text' AND length(origin) < 512)
);

CREATE TABLE rom (
    id INTEGER PRIMARY KEY CHECK (id >= 256),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    image INTEGER NOT NULL REFERENCES image (id),
    name TEXT NOT NULL CHECK (typeof(name) = 'text' AND length(name) BETWEEN 1 AND 63)
);

CREATE TABLE bank (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 2),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    kind TEXT NOT NULL CHECK (kind = 'flash'),
    size INTEGER NOT NULL CHECK (typeof(size) = 'integer' AND size BETWEEN 4096 AND 67108864 AND size % 4096 = 0)
);

CREATE TABLE page (
    id INTEGER PRIMARY KEY CHECK (id >= 8589934592),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    bytes BLOB NOT NULL CHECK (typeof(bytes) = 'blob' AND length(bytes) IN (1, 4096))
);

CREATE TABLE contract (
    id INTEGER PRIMARY KEY,
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    domain TEXT NOT NULL CHECK (typeof(domain) = 'text' AND length(domain) BETWEEN 1 AND 63),
    bytes BLOB NOT NULL CHECK (typeof(bytes) = 'blob' AND length(bytes) <= 4096)
);

CREATE TABLE event (
    id INTEGER PRIMARY KEY CHECK (id > 0),
    sum BLOB NOT NULL CHECK (typeof(sum) = 'blob' AND length(sum) = 16),
    first INTEGER NOT NULL CHECK (typeof(first) = 'integer'),
    last INTEGER NOT NULL CHECK (typeof(last) = 'integer'),
    count INTEGER NOT NULL CHECK (typeof(count) = 'integer' AND count > 0),
    kind TEXT NOT NULL CHECK (typeof(kind) = 'text' AND length(kind) BETWEEN 1 AND 31),
    text TEXT NOT NULL CHECK (typeof(text) = 'text' AND length(text) < 1024),
    before BLOB NOT NULL CHECK (typeof(before) = 'blob' AND length(before) = 32),
    hash BLOB NOT NULL CHECK (typeof(hash) = 'blob' AND length(hash) = 32)
);
