/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that a guest gets once its firmware agreed on `acpi-loader`: made at that moment, with what was agreed. */
#include "mailbox_inside.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "mailbox_tables.h"

static void json_drop(json_t **json)
{
    json_decref(*json);
}

/* The device stands on the root bus, whose number is 0 in segment 0 whatever the firmware does to the bridges; and its
 * place there is known before anything ran. */
int hf_mailbox_files_find_device(struct hf_mailbox_watch *m, struct hf_error *err)
{
    hf_auto(json_drop) json_t *addr = NULL;
    int r = hf_monitor_execute(
        m->run->monitor, "qom-get",
        json_pack("{s:s, s:s}", "path", "/machine/peripheral/" HF_MAILBOX_DEVICE, "property", "addr"), &addr, err);

    if (r < 0)
        return r;
    if (!json_is_integer(addr) || json_integer_value(addr) < 0 || json_integer_value(addr) > 255)
        return hf_error_set(err, HF_EPROTO, "QMP qom-get: the mailbox's device has no PCI address");
    m->devfn = (unsigned)json_integer_value(addr);
    return 0;
}

static void write_log(const struct hf_mailbox_watch *m, char *text, size_t size)
{
    char offered[HF_BITS_TEXT_SIZE], agreed[HF_BITS_TEXT_SIZE];
    size_t at = (size_t)snprintf(text, size, "What firmware and holdfast agreed on in this boot\n");

    for (size_t i = 0; i < m->agreement_count && at < size; i++) {
        const struct hf_agreement *a = &m->agreements[i];

        at += (size_t)snprintf(text + at, size - at, "%s %u: offered %s, agreed %s\n", a->domain, a->version,
                               hf_bits_text(&a->offered, offered),
                               a->locked ? hf_bits_text(&a->agreed, agreed) : "nothing");
    }
}

static int give(struct hf_mailbox_watch *m, const struct hf_bits *agreed, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *room = malloc(HF_MAILBOX_TABLES_ROOM);
    struct hf_mailbox_blob files[HF_MAILBOX_TABLE_FILES];
    char log[1024];
    const struct hf_mailbox_tables tables = {.slot = m->devfn >> 3, .function = m->devfn & 7, .log = log};
    int r = room ? 0 : hf_error_nomem(err);

    if (r < 0)
        return r;
    write_log(m, log, sizeof log);
    r = hf_mailbox_tables_build(&tables, agreed->byte[0], room, HF_MAILBOX_TABLES_ROOM, files, err);
    return r < 0 ? r : hf_mailbox_put_files(&m->host, files, HF_MAILBOX_TABLE_FILES, err);
}

void hf_mailbox_files_give(struct hf_mailbox_watch *m)
{
    struct hf_bits agreed;
    struct hf_error err;

    if (m->files_given || !hf_negotiate_agreed(m->negotiate, HF_ACPI_DOMAIN, &agreed))
        return;
    m->files_given = true; /* once in a boot, also when it fails: the guest's time-out says the rest */
    if (give(m, &agreed, &err) < 0)
        hf_run_say(m->run, "the mailbox's tables could not be made: %s", err.text);
}
