/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's half of the mailbox. It owns no file and no thread: somebody maps the window and calls hf_mailbox_poll().
 *
 * The guest changes its page at any time, also while it is read: everything is copied once and only the copy is looked
 * at. Everything that the host writes is derived from the negotiation below it, so after a migration, a crash or a
 * restart hf_mailbox_publish() makes the whole half anew under another generation, and a guest that waits asks again.
 *
 * One thread at a time.
 */
#ifndef HF_MAILBOX_HOST_H
#define HF_MAILBOX_HOST_H

#include <stdbool.h>

#include <holdfast/error.h>
#include <holdfast/negotiate_host.h>

#include "mailbox_wire.h"

struct hf_mailbox_news;

/* Makes what was agreed last, before the guest learns of it. Minus a code: not now; the guest is not answered, and the
 * same question is looked at again by the next poll. */
typedef int hf_mailbox_keep_fn(void *opaque, const struct hf_mailbox_news *news);

struct hf_mailbox {
    uint8_t *window; /* HF_MAILBOX_SIZE bytes, page aligned, shared */
    struct hf_negotiate *negotiate;
    uint32_t generation, answered;
    enum hf_mailbox_stage stage;
    enum hf_mailbox_loader loader;
    size_t files_end;         /* of what is in use */
    hf_mailbox_keep_fn *keep; /* the caller's to set after hf_mailbox_publish(); NULL: nothing to keep */
    void *opaque;
};

/* What a poll saw. */
struct hf_mailbox_news {
    bool asked; /* a request was answered: poll again soon */
    char domain[HF_NEGOTIATE_NAME_SIZE];
    enum hf_negotiate_status status; /* of that answer */
    struct hf_bits wanted;
    uint32_t bit;  /* of that answer, or HF_NEGOTIATE_NO_BIT */
    bool moved_on; /* `stage` is new */
    enum hf_mailbox_stage stage;
    bool loaded; /* `loader` is new */
    enum hf_mailbox_loader loader;
};

/* Makes the host's half: magic, generation (any number but that of before), directory. The guest's page is not touched;
 * what it asked before this is answered again by the next poll. HF_EUSAGE: the directory is too large for the window.
 */
int hf_mailbox_publish(uint8_t *window, struct hf_negotiate *negotiate, uint32_t generation, struct hf_mailbox *ret,
                       struct hf_error *err);

/* The host's half of a window says nothing any more, and nobody answers, until hf_mailbox_publish(). */
void hf_mailbox_withdraw(uint8_t *window);

/* Looks at the guest's page once and answers what is new there. True when *news says something. */
bool hf_mailbox_poll(struct hf_mailbox *m, struct hf_mailbox_news *news);

/* Shows the guest what the negotiation below says now, when something else than a question changed it. */
void hf_mailbox_refresh(struct hf_mailbox *m);

/* System reset, while the guest is paused: nothing was asked, every domain is open, there are no files. Both halves
 * are written. */
void hf_mailbox_reset(struct hf_mailbox *m);

/* Gives the guest files; all of them at once. HF_ENOSPC: they do not fit into the window (the text has both numbers);
 * HF_EUSAGE: a name is empty or too long, or there are too many. */
struct hf_mailbox_blob {
    const char *name;
    const void *bytes;
    size_t size;
};
int hf_mailbox_put_files(struct hf_mailbox *m, const struct hf_mailbox_blob *files, size_t count, struct hf_error *err);

/* "none", "started", "ready-to-boot", "exit-boot-services". */
const char *hf_mailbox_stage_name(enum hf_mailbox_stage stage);
/* "none", "installed", "no-files", "bad-files", "bad-script", "no-memory", "refused". */
const char *hf_mailbox_loader_name(enum hf_mailbox_loader loader);

#endif
