/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's half of the mailbox as a guest's driver reads it: a true one, with the input over it at a place that its
 * first two bytes name. Whatever the host says, the driver reads only the window and writes only where it was asked to.
 */
#include "fuzz.h"

#include "mailbox_guest.h"
#include "mailbox_host.h"

#define ROOM 512u

static _Alignas(4096) uint8_t window[HF_MAILBOX_SIZE];

/* The host's half with one domain and two files; then the guest's page is empty. */
static void publish(void)
{
    static _Alignas(max_align_t) uint8_t memory[4096];
    const struct hf_negotiate_domain domain = {.name = "acpi-loader", .version = 1};
    const struct hf_mailbox_blob blobs[] = {{"etc/table-loader", "loader", 6}, {"etc/acpi/tables", "tables", 6}};
    struct hf_negotiate *negotiate;
    struct hf_mailbox host;

    memset(window, 0, sizeof window);
    MUST(hf_negotiate_init(memory, sizeof memory, &domain, 1, 1, &negotiate, NULL) == 0);
    MUST(hf_mailbox_publish(window, negotiate, 1, &host, NULL) == 0);
    MUST(hf_mailbox_put_files(&host, blobs, 2, NULL) == 0);
}

static bool wait(void *opaque, uint32_t waited)
{
    (void)opaque;
    return waited < 2;
}

static void files(struct hf_mailbox_port *port)
{
    uint8_t to[ROOM + 1];
    struct hf_mailbox_file row;
    uint32_t generation;

    if (hf_mailbox_guest_wait_files(port, &generation) < 0)
        return;
    for (uint32_t n = 0; n < 64 && hf_mailbox_guest_file(port, n, &row) == 0; n++) {
        to[ROOM] = 0xa5;
        (void)hf_mailbox_guest_read(port, &row, to, ROOM);
        MUST(to[ROOM] == 0xa5);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_mailbox_port port = {.window = (volatile uint32_t *)window, .wait = wait};
    struct hf_mailbox_order order = {0};
    struct hf_mailbox_reply reply;
    size_t at;

    if (size < 2)
        return 0;
    at = ((size_t)bytes[0] << 8 | bytes[1]) % (4 * HF_MAILBOX_PAGE);
    publish();
    memcpy(window + at, bytes + 2, size - 2 < sizeof window - at ? size - 2 : sizeof window - at);
    if (hf_mailbox_guest_start(&port) == 0) {
        hf_mailbox_guest_report(&port, (enum hf_mailbox_stage)1);
        files(&port);
    }
    if (hf_mailbox_guest_attach(&port) == 0) {
        (void)hf_mailbox_guest_is_boot_only(&port);
        if (hf_mailbox_guest_order(&port, &order, &reply) == 0)
            MUST(memchr(reply.text, 0, sizeof reply.text));
    }
    return 0;
}
