/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's half of the mailbox, for firmware and for tools in the guest: freestanding, no allocation, aligned 32-bit
 * accesses only. What the host says is hostile too: every offset and size is checked.
 *
 * Functions return 0 or minus one of HF_ENOTFOUND (no mailbox here), HF_ETIMEDOUT (the host did not answer: no
 * features), HF_EPROTO (the host said what cannot be), HF_ENOMEM (the caller's buffer is too small).
 */
#ifndef HF_MAILBOX_GUEST_H
#define HF_MAILBOX_GUEST_H

#include <stdbool.h>

#include <holdfast/error.h>
#include <holdfast/negotiate_guest.h>

#include "mailbox_wire.h"

struct hf_mailbox_port {
    volatile uint32_t *window; /* HF_MAILBOX_SIZE bytes */
    /* Waits a little (a millisecond or so). False: that was long enough, give up. `waited` counts from 0 per question.
     */
    bool (*wait)(void *opaque, uint32_t waited);
    void *opaque;
    uint32_t ask;   /* of the last question; hf_mailbox_guest_start() sets it */
    uint32_t order; /* of the last order; start with 0 */
};

/* Looks whether a host is there and says that a guest is. */
int hf_mailbox_guest_start(struct hf_mailbox_port *port);

/* Reports how far the boot came. */
void hf_mailbox_guest_report(struct hf_mailbox_port *port, enum hf_mailbox_stage stage);

/* Reports what became of the linker script. */
void hf_mailbox_guest_loaded(struct hf_mailbox_port *port, enum hf_mailbox_loader loader);

/* Waits until there are files; *generation is that of the host's half that gives them. After reading them all, look at
 * hf_mailbox_guest_generation() again: when it is another one, what was read may be half of one and half of another. */
int hf_mailbox_guest_wait_files(struct hf_mailbox_port *port, uint32_t *generation);
uint32_t hf_mailbox_guest_generation(const struct hf_mailbox_port *port);

/* For hf_negotiate_guest(): `*ret` borrows `port`. */
void hf_mailbox_guest_negotiate_port(struct hf_mailbox_port *port, struct hf_negotiate_port *ret);

/* The nth file: its row, checked. HF_ENOTFOUND after the last. */
int hf_mailbox_guest_file(const struct hf_mailbox_port *port, uint32_t n, struct hf_mailbox_file *row);
/* Its bytes; `size` is what `to` holds. */
int hf_mailbox_guest_read(const struct hf_mailbox_port *port, const struct hf_mailbox_file *row, void *to, size_t size);

/*
 * Orders, for a tool in the guest's operating system.
 */

/* Instead of hf_mailbox_guest_start(): takes a window that firmware used before, and leaves what firmware said. */
int hf_mailbox_guest_attach(struct hf_mailbox_port *port);

/* Whether nobody answers any more once an operating system runs. */
bool hf_mailbox_guest_is_boot_only(const struct hf_mailbox_port *port);

/* Gives an order and waits for the reply; `number` and `generation` of the order are filled here. The host takes up to
 * half a second to look, and some seconds to stage an image: `port->wait` decides. The order is given again when the
 * host's half was made anew. Texts of *reply end in a NUL. */
int hf_mailbox_guest_order(struct hf_mailbox_port *port, const struct hf_mailbox_order *order,
                           struct hf_mailbox_reply *reply);

/* Sends an image and has it staged: BEGIN, pieces, END; from the beginning again when the host forgot it (it was
 * started anew). `digest` is the image's SHA-256, `flags` as for BEGIN. 0 when the host replied to the last order that
 * was given: reply->done says how it went. `progress` (may be NULL) is told the bytes that arrived. */
struct hf_mailbox_update {
    const void *image;
    size_t size;
    uint8_t digest[32];
    uint32_t flags;
    void (*progress)(void *opaque, size_t sent);
    void *opaque;
};
int hf_mailbox_guest_update(struct hf_mailbox_port *port, const struct hf_mailbox_update *update,
                            struct hf_mailbox_reply *reply);

#endif
