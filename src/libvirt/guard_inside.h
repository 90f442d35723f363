/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal to the guard: what guard.c, guard_boot.c, guard_move.c and guard_server.c share.
 *
 * Whose the container is, and with that what the guard does with it:
 *
 *                   claimed                   freeze
 *   INCOMING -------------------> HELD ---------------------> LEAVING
 *      |                           |  ^    freezer has left,     |
 *      |                           |  |    still this host's     |
 *      | no domain will come       |  '--------------------------|
 *      | end                       | end                         | end
 *      '------------------------> ENDED <------------------------'
 *
 * guard.c has a table of what each request does in each stage.
 */
#ifndef HF_GUARD_INSIDE_H
#define HF_GUARD_INSIDE_H

#include "adoption.h"
#include "boots.h"
#include "container.h"
#include "guard.h"
#include "loop.h"
#include "nbd_server.h"
#include "trial_watch.h"

/* A boot that matters, as the witness tells it (guard_trial.c). */
struct hf_guard_trial {
    int64_t witness;  /* its process; 0: none says that it sees */
    int64_t heard_ms; /* hf_loop_now() when it, or a new one, was last heard of */
    uint64_t commits; /* of the container, when `wanted` was read */
    struct hf_watch wanted;
    struct hf_trial_watch watch;
    uint64_t reads;  /* by the disks, as it said last */
    bool timed_out;  /* it was told to reset the guest */
    bool boot_ended; /* by `ending` */
    enum hf_ending ending;
    int starting;  /* the connection of a start that waits for the witness; -1: none */
    int ending_fd; /* the same of an end */
};

enum hf_guard_stage {
    HF_GUARD_INCOMING, /* it is being received: it is served to be read */
    HF_GUARD_HELD,     /* it is this host's, and the guest's variables are served */
    HF_GUARD_LEAVING,  /* it is or may be given away: nothing is served, nothing written */
    HF_GUARD_ENDED,
    HF_GUARD_STAGE_MAX,
};

struct hf_guard {
    struct hf_guard_config config;
    struct hf_adoption adoption;
    struct hf_container *container;
    char boot_id[HF_UUID_TEXT_SIZE]; /* the host's */
    struct hf_loop loop;
    struct hf_nbd_server *server;
    int listening, watch;          /* watch: see guard_watch.h; -1: none */
    struct hf_guard_request serve; /* for whom */
    enum hf_guard_stage stage;
    bool has_vars, paused;
    int64_t paused_at; /* with paused_why, what libvirt has no reason for: "" when somebody else's, or none */
    char paused_why[HF_ERROR_TEXT_MAX];
    int64_t writer; /* the process that writes in this start; 0: none yet; below 0: it has ended */
    bool lost;      /* the server died and the guest has not been brought in line with the store yet */

    int freezer;   /* LEAVING: the connection of the process that asked; -1: it has left */
    bool expected; /* INCOMING: libvirt said that the domain arrives */
    bool wanted;   /* INCOMING: the guest here is about to write */
    int awaiting;  /* INCOMING: the connection on which that is told; -1: nobody asked */
    bool looking;  /* a timer looks whether the process that fetches is gone */

    struct hf_guard_trial trial;
};

/* What a request's function returns, beside an error and enum hf_guard_order. */
enum { HF_GUARD_ANSWER_LATER = HF_GUARD_ORDER_MAX };

int64_t hf_guard_now(void);

/* guard_boot.c: which firmware this start gets, and the container's word about the start that ended. */
int hf_guard_decide(struct hf_guard *g, struct hf_error *err);
/* A start, as the lifecycle wants it told. */
struct hf_boot hf_guard_boot(const struct hf_guard *g);
/* The guest runs. The guest has ended, or was not started after all. */
int hf_guard_booted(struct hf_guard *g, struct hf_error *err);
int hf_guard_boot_ended(struct hf_guard *g, enum hf_ending ending, struct hf_error *err);
int hf_guard_remember_changes(struct hf_guard *g, struct hf_error *err);
/* Sets g->has_vars. */
int hf_guard_find_vars(struct hf_guard *g, struct hf_error *err);

/* guard_server.c */
int hf_guard_start_server(struct hf_guard *g, struct hf_error *err);
/* At the beginning of a guard: who writes, where this start had a guard before. */
void hf_guard_recall_writer(struct hf_guard *g);
/* Serves again after a server that is gone. */
void hf_guard_start_again(struct hf_guard *g);
void hf_guard_drop_server(struct hf_guard *g);
void hf_guard_tell_libvirt(struct hf_guard *g, const char *what);
void hf_guard_want_pause(struct hf_guard *g, bool want);
/* The guest is brought in line with the store, however long that takes. Its steps: a server for it; its bank, while it
 * is paused. */
void hf_guard_resync(struct hf_guard *g);
int hf_guard_serve_again(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);
int hf_guard_take_bank(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);

/* guard_state.c: the guest goes on from a saved state, as whose QEMU process `pid` writes all its variables. False:
 * that state has other firmware than the container; the process is ended then. */
bool hf_guard_judge(struct hf_guard *g, int64_t pid);
/* An entry of the container's log, if it can be written. */
void hf_guard_log(struct hf_guard *g, const char *kind, const char *text);

/* guard_trial.c: looks once a second from now on whether something has to be watched, and has a witness started then.
 */
void hf_guard_trial_begin(struct hf_guard *g);
/* The same for a start, and for an end: whether what was asked at `fd` is answered later, once the witness watches or
 * has said what it saw last. */
bool hf_guard_trial_await(struct hf_guard *g, int fd);
bool hf_guard_trial_await_end(struct hf_guard *g, int fd);
/* What is known of the end of the boot. */
enum hf_ending hf_guard_trial_ending(const struct hf_guard *g);
/* The witness's requests: a row of guard.c's table each. */
int hf_guard_watching(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);
int hf_guard_beat(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);
int hf_guard_saw(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);

/* guard.c: answers what was asked; ends the guard, and answers that. */
void hf_guard_reply(int fd, int r, const struct hf_error *err);
void hf_guard_end_now(struct hf_guard *g, int fd);

/* guard.c: another watch, since the successor's configuration has changed. */
void hf_guard_renew_watch(struct hf_guard *g);

/* guard_move.c: the requests of a domain that moves, as guard.c's table has them; `fd` is who asks. Each returns an
 * error, enum hf_guard_order or HF_GUARD_ANSWER_LATER. */
int hf_guard_freeze(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);
int hf_guard_await(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);
int hf_guard_claimed(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);
int hf_guard_expect(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);
int hf_guard_prepared(struct hf_guard *g, const struct hf_guard_request *q, int fd, struct hf_error *err);
/* The server has a first write for a container that is being received. */
void hf_guard_wanted(struct hf_guard *g);
/* Where the container is fetched: once nobody fetches it any more, the source is told what became of it (fetch.h). */
void hf_guard_look_for_fetch(struct hf_guard *g);

#endif
