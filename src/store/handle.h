/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the store: what a handle holds, and the few helpers around SQLite that every file here uses. */
#ifndef HF_HANDLE_H
#define HF_HANDLE_H

#include <limits.h>
#include <stdio.h>

#include <sqlite3.h>

#include "cleanup.h"
#include "container.h"
#include "counter.h"
#include "leftover.h"
#include "ledger.h"
#include "owner.h"
#include "place.h"
#include "rows.h"

enum hf_statement { HF_S_WALK, HF_S_SUM, HF_S_INSERT, HF_S_UPDATE, HF_S_DELETE, HF_STATEMENTS };

struct hf_draft;

struct hf_container {
    sqlite3 *db;
    struct hf_place place;
    enum hf_open_mode mode;
    bool wal;          /* write-ahead log, else rollback journal */
    bool frozen;       /* immutable: nobody had it open when we began to look */
    bool incoming;     /* being received, and not claimed yet */
    bool beside;       /* opened while another process held the owner lock */
    bool marked;       /* the file itself says that its log matters */
    bool log_lost;     /* accept_loss: the log is not there, or is none of this file's */
    bool doubt;        /* a sync failed: what the log holds may not reach the disk by syncing it again */
    bool left_log;     /* somebody else wrote the log that was there: his sync may have failed */
    bool unsynced;     /* the last commit is made, and its sync failed */
    bool claiming;     /* in the transaction of hf_begin_claim */
    bool unregistered; /* the host's register does not say yet that this host holds it */
    bool note_later;   /* hf_commit_claim */
    int patience;      /* milliseconds to wait for another process's lock while connecting; 0: the usual */
    int lock_fd;
    int place_lock_fd; /* hf_lock_take_beside(); -1: not this handle's */
    int gate;          /* gate.h; -1: not for writing */
    int line;          /* line.h; -1: not in it */
    int uuid_lock_fd;
    int prepared; /* hf_epoch_prepare; -1: nothing */
    char id[HF_ID_TEXT_SIZE];
    int64_t created;
    uint64_t epoch;
    uint64_t claim_epoch; /* while claiming */
    char host_id[HF_ID_TEXT_SIZE];
    char host_name[HF_HOST_NAME_SIZE];
    struct hf_counter counter;
    sqlite3_stmt *statements[HF_TABLES][HF_STATEMENTS];
    bool walking[HF_TABLES]; /* the cached walk is in use */
    sqlite3_stmt *begin, *commit, *rollback, *ledger_get, *ledger_set;
    struct hf_ledger_row ledger[HF_TABLES];
    uint64_t log_frames;
    struct hf_draft *draft; /* not published yet */
    void *digester;         /* hf_record_digester */
};

#define HF_LEDGER_COMMITS 0

/* What SQLite said last, as an error of ours: "cannot <doing>: ...". */
int hf_sql_error(struct hf_container *c, int rc, struct hf_error *err, const char *doing);
int hf_sql_exec(struct hf_container *c, const char *sql, struct hf_error *err, const char *doing);
/* A statement that is kept. */
int hf_sql_prepare(struct hf_container *c, const char *sql, sqlite3_stmt **statement, struct hf_error *err);
/* One that changes something and gives no row; it can be bound and run again. */
int hf_sql_run(struct hf_container *c, sqlite3_stmt *s, struct hf_error *err);
/* One integer from a statement that gives one row. */
int hf_sql_number(struct hf_container *c, const char *sql, int64_t *n, struct hf_error *err);

/* Damage, unless this handle looks at a frozen file and somebody changed it meanwhile: then the looker is to try again. */
int hf_damaged(struct hf_container *c, struct hf_error *err, const char *fmt, ...) HF_PRINTF(3, 4);

/* A transaction without the owner's check, for the store's own use (take, claim); hf_commit and hf_abort end it. */
int hf_begin_unowned(struct hf_container *c, struct hf_error *err);

/* Brings everything into the one file and takes the mark off; when somebody else has it open, that one will. */
int hf_settle(struct hf_container *c, struct hf_error *err);

/* open.c: every way to open a container. */
struct hf_open_request {
    enum hf_open_mode mode;
    int64_t now;
    int lock_fd; /* of the supervisor, or -1 */
    bool incoming;
    bool giving;      /* held here, or granted by this host; RUN: locks, and leaves the epoch */
    bool any_owner;   /* any owner, any entry in the register; RUN: locks, and leaves the epoch */
    bool accept_loss; /* a lost or foreign log, or a lower count, is no damage */
    bool survey;      /* LOOK: open even what does not add up */
    bool quiet;       /* LOOK: in line, so that no operator's verb changes it meanwhile; where there can be a line */
    bool rehearses;   /* LOOK: refused as HF_OPEN_EDIT would be */
};
int hf_open(const char *path, const struct hf_open_request *request, struct hf_container **out, struct hf_error *err);
struct hf_container *hf_container_alloc(struct hf_error *err);
void hf_container_free(struct hf_container *c);

/* owner.c: the epoch of a new run, durable in the container, then in the register. */
int hf_owner_advance(struct hf_container *c, int64_t now, struct hf_error *err);
/* owner_steps.c: HF_EREFUSED "granted", and what to do; `to` is the owner's reason, or a host's name. */
int hf_owner_say_granted(const struct hf_container *c, const char *to, struct hf_error *err);
/* owner_steps.c: HF_EREFUSED "step". */
int hf_owner_wrong_step(const struct hf_container *c, const struct hf_owner *owner, const char *step,
                        struct hf_error *err);
/* owner_steps.c: from GRANTED, in a transaction that the register has no say in. */
int hf_owner_begin_granted(struct hf_container *c, const char *step, struct hf_owner *owner, struct hf_error *err);
/* owner_steps.c: ends what hf_begin began: `r` is what became of it so far. */
int hf_owner_finish(struct hf_container *c, int r, struct hf_error *err);
/* owner.c: this host holds it, durable in the container, and there is no way back: a register that cannot be written now
 * is written with a later commit. Until then it says less than it could, and nothing that is wrong: an epoch that this
 * host does not own any more, of which it lets no copy run. */
void hf_owner_register_soon(struct hf_container *c);
/* The previous owner: as it is when this host holds it at `epoch`. */
int hf_owner_here(struct hf_container *c, uint64_t epoch, int64_t now, const char *reason, struct hf_owner *owner,
                  struct hf_error *err);
int hf_owner_put(struct hf_container *c, const struct hf_owner *owner, struct hf_error *err);
/* The durable commit by which this handle comes to another epoch; the transaction is over afterwards. */
int hf_owner_commit_at(struct hf_container *c, uint64_t epoch, struct hf_error *err);
/* The register learns what the container says. */
int hf_owner_register(struct hf_container *c, const struct hf_owner *owner, struct hf_error *err);

/* container.c: the tables of a new container, in a transaction that stays open. */
int hf_container_make_tables(struct hf_container *c, struct hf_error *err);

/* draft.c: a file that becomes a container in one step. */
struct hf_draft {
    struct hf_place place; /* where it is to be */
    char path[PATH_MAX];   /* where it is built */
    struct hf_leftover leftover;
};
/* Also removes what dead processes left of theirs. HF_EREFUSED "exists". */
int hf_draft_begin(const char *target, struct hf_draft *draft, struct hf_error *err);
/* Syncs the file and gives it its name, unless that is taken meanwhile. */
int hf_draft_finish(struct hf_draft *draft, struct hf_error *err);
void hf_draft_drop(struct hf_draft *draft);
/* After hf_draft_finish: takes back what nobody was told of yet, with its log, so that a second try finds the name free. */
void hf_draft_undo(struct hf_draft *draft);
/* A handle for building at draft->path; ends with hf_draft_close. The file must exist. */
int hf_draft_open(const struct hf_draft *draft, struct hf_container **out, struct hf_error *err);
int hf_draft_close(struct hf_container *c, struct hf_error *err);

/* connection.c */
enum hf_connection {
    HF_CONNECT_FROZEN,  /* immutable: ignores a log, takes no locks, creates nothing */
    HF_CONNECT_PRIVATE, /* reads through a log that nobody else uses, keeping its index in memory; creates nothing */
    HF_CONNECT_SHARED,  /* reads beside writers */
    HF_CONNECT_COPY,    /* a copy of our own that may be put right */
    HF_CONNECT_WRITE,
    HF_CONNECT_BUILD, /* a file under construction that nobody else knows: no log, no locks that matter */
};
int hf_connect(struct hf_container *c, enum hf_connection how, struct hf_error *err);
int hf_disconnect(struct hf_container *c, struct hf_error *err);
/* Connects to a copy of the container and its rollback journal, so that the original is not touched. */
int hf_connect_private_copy(struct hf_container *c, struct hf_error *err);
/* Schema byte for byte, and nothing else in it. */
int hf_schema_verify(struct hf_container *c, struct hf_error *err);

/* wal.c: the write-ahead log as a file. */
/* Its present salt, as the container's mark has it; 0: no log, or an empty one. */
int hf_wal_mark(struct hf_container *c, uint64_t *mark, struct hf_error *err);
int hf_wal_sync(struct hf_container *c, struct hf_error *err);
/* A descriptor of its own, with which another thread may make durable what is in the log. */
int hf_wal_open(const struct hf_container *c, int *fd, struct hf_error *err);
/* Grows the file to at least `bytes` of zeros that a new log may overwrite. */
int hf_wal_allocate(struct hf_container *c, uint64_t bytes, struct hf_error *err);
/* The mark in the ledger: 0, or a log's salt with the bits that say whether that log still matters. */
#define HF_MARK_SALT   ((uint64_t)0xffffffff)
#define HF_MARK_LOG    ((uint64_t)1 << 32) /* a salt is known */
#define HF_MARK_CLOSED ((uint64_t)1 << 33) /* all of that log went into the file before it was removed */
static inline bool hf_mark_is_open(uint64_t mark)
{
    return (mark & (HF_MARK_LOG | HF_MARK_CLOSED)) == HF_MARK_LOG;
}
/* Whether a database with this mark was last written from a log with that salt, or the one just before it. */
static inline bool hf_mark_fits(uint64_t mark, uint64_t log)
{
    return (mark & log & HF_MARK_LOG) && (uint32_t)log - (uint32_t)mark <= 1;
}
uint64_t hf_mark_of_total(const uint8_t total[HF_SUM_SIZE]);
void hf_mark_to_total(uint64_t mark, uint8_t total[HF_SUM_SIZE]);
/* The mark of a log file beside a container, read without SQLite. 0: none or empty. HF_EDAMAGED: not a log of ours. */
int hf_wal_look(const char *container_path, uint64_t *mark, struct hf_error *err);

/* The container's rows that a handle keeps in memory: id, created. */
int hf_container_load(struct hf_container *c, struct hf_error *err);

#endif
