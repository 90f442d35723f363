/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others say to a guest's guard: one line there, one line back.
 *
 *      serve UID GID LABEL     start the server of the variables; LABEL is QEMU's SELinux label or "-"
 *      started MACHINE TPM     QEMU runs; TPM is 0 or 1
 *      end                     QEMU has ended: bring everything in and go
 *      again                   the guest is paused: start the server that died again (resync.h)
 *      gone                    the domain does not run any more: a guard that was started for a running one ends
 *      here                    nothing: whether somebody answers
 *      bank                    HF_BANK_FILE has the variables as they are in the guest's memory: store them
 *
 * While the domain moves (migrate.h, receive.h):
 *      freeze                  source: bring everything in and serve no more. Who asked holds the connection: when it
 * ends and the container is still this host's, the guard serves again await                   destination: answered
 * when the guest here is about to write, and not before claimed                 destination: the container is this
 * host's expect                  destination: libvirt's next start of the domain is the one that arrives prepared
 * destination: is this the start that was expected? HF_EREFUSED "moving" when it is not, HF_EUSAGE when the guard
 * serves a container of this host's
 *
 * From the process that watches the domain through libvirt (witness.h), whose number is PID:
 *      watching PID            it sees all that happens from now on
 *      beat PID READS RUNNING  every second: how many reads the disks have had; RUNNING is 0 or 1
 *      saw PID EVENT BY_GUEST WHY-NOT
 *                              EVENT is resetting (more follows), reset, shutdown, last-reset (it ends QEMU), panic or agent; WHY-NOT is why the
 * domain cannot be ended and started again, or "-"
 *
 * The answer is "ok", "ok ORDER" to the witness (enum hf_guard_order), or "error CODE RULE TEXT" with a number of enum
 * hf_code and "-" for no rule.
 */
#ifndef HF_GUARD_LINK_H
#define HF_GUARD_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <holdfast/error.h>

#define HF_GUARD_LINE_MAX 2048

enum hf_guard_ask {
    HF_GUARD_SERVE = 1,
    HF_GUARD_STARTED,
    HF_GUARD_END,
    HF_GUARD_AGAIN,
    HF_GUARD_BANK,
    HF_GUARD_GONE,
    HF_GUARD_HERE,
    HF_GUARD_FREEZE,
    HF_GUARD_AWAIT,
    HF_GUARD_CLAIMED,
    HF_GUARD_EXPECT,
    HF_GUARD_PREPARED,
    HF_GUARD_WATCHING,
    HF_GUARD_BEAT,
    HF_GUARD_SAW,
    HF_GUARD_ASK_MAX,
};

/* What the witness is to do. */
enum hf_guard_order {
    HF_GUARD_GO_ON,
    HF_GUARD_READY, /* a reset may have to be stopped: pause the guest there, and ask */
    HF_GUARD_CYCLE, /* end the domain and start it again */
    HF_GUARD_RESET, /* reset the guest: it shows no sign of life */
    HF_GUARD_LEAVE, /* there is nothing to watch, or another one does */
    HF_GUARD_ORDER_MAX,
};

#define HF_GUARD_READS_UNKNOWN UINT64_MAX

struct hf_guard_request {
    enum hf_guard_ask ask;
    uid_t uid; /* SERVE */
    gid_t gid;
    char selinux[256]; /* SERVE: "" for none */
    char machine[64];  /* STARTED */
    bool tpm;
    int64_t pid;       /* WATCHING, BEAT, SAW */
    uint64_t reads;    /* BEAT; or HF_GUARD_READS_UNKNOWN */
    bool running;      /* BEAT */
    char event[16];    /* SAW */
    bool by_guest;     /* SAW */
    char why_not[128]; /* SAW; "" when nothing stands in the way */
};

/* Pure. The line has its newline. HF_EPROTO: no such request. */
void hf_guard_request_format(const struct hf_guard_request *q, char line[HF_GUARD_LINE_MAX]);
int hf_guard_request_parse(const char *line, struct hf_guard_request *q, struct hf_error *err);

/* Pure. The order (0 where there is none) for "ok", otherwise the error that the line tells. The rule's name lives
 * until the next call. */
void hf_guard_answer_format(int r, const struct hf_error *answer, char line[HF_GUARD_LINE_MAX]);
int hf_guard_answer_parse(const char *line, struct hf_error *err);

/* Asks the guard of a domain and waits for its answer. HF_ENOTFOUND: none runs. HF_ETIMEDOUT: no answer in 60 s. */
int hf_guard_ask(const char *uuid, const struct hf_guard_request *q, struct hf_error *err);

/* Asks and does not wait: *fd is the connection, for hf_guard_answer(). */
int hf_guard_ask_open(const char *uuid, const struct hf_guard_request *q, int *fd, struct hf_error *err);
/* Reads the answer: HF_EPROTO when the guard is gone. */
int hf_guard_answer(int fd, struct hf_error *err);

/* Whether there is a guard of this domain that answers, or that is too busy to for 5 s. */
bool hf_guard_is_there(const char *uuid);

/* Reads one line from a stream, without its newline; HF_EPROTO when it ends before. */
int hf_guard_read_line(int fd, int timeout_ms, char line[HF_GUARD_LINE_MAX], struct hf_error *err);

/* The guard's end: a listening socket for root alone. HF_EOWNED: another guard of this domain listens. */
int hf_guard_listen(const char *uuid, int *fd, struct hf_error *err);

#endif
