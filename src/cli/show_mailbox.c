/* SPDX-License-Identifier: BSD-2-Clause */
#include "show_parts.h"

#include <holdfast/negotiate_host.h>

#include "agreement.h"
#include "mailbox_hardware.h"

static void put_bits(json_t *row, const char *key, const struct hf_bits *set)
{
    json_t *bits = hf_put_array(row, key);

    for (unsigned bit = 0; bit < HF_NEGOTIATE_BITS; bit++)
        if (hf_bits_has(set, bit))
            json_array_append_new(bits, json_integer(bit));
}

static void put_agreement(json_t *rows, const struct hf_agreement *a)
{
    json_t *row = hf_append_object(rows);

    hf_put_text(row, "domain", a->domain);
    hf_put_number(row, "version", a->version);
    hf_put_bool(row, "locked", a->locked);
    put_bits(row, "offered", &a->offered);
    if (a->asked_once)
        put_bits(row, "asked", &a->asked);
    else
        hf_put(row, "asked", json_null());
    hf_put_text(row, "answer", a->asked_once ? hf_negotiate_status_text(a->status) : NULL);
    put_bits(row, "agreed", &a->agreed);
}

static void say_agreement(const struct hf_invocation *inv, const char *label, const struct hf_agreement *a)
{
    char offered[HF_BITS_TEXT_SIZE], asked[HF_BITS_TEXT_SIZE], agreed[HF_BITS_TEXT_SIZE];

    if (!a->asked_once)
        hf_field(inv, label, "%s: offered %s, never asked for", a->domain, hf_bits_text(&a->offered, offered));
    else
        hf_field(inv, label, "%s: offered %s, asked %s (%s), agreed %s", a->domain, hf_bits_text(&a->offered, offered),
                 hf_bits_text(&a->asked, asked), hf_negotiate_status_text(a->status),
                 a->locked ? hf_bits_text(&a->agreed, agreed) : "nothing");
}

int hf_show_mailbox(const struct hf_invocation *inv, struct hf_container *c, struct hf_error *err)
{
    struct hf_agreement list[HF_AGREEMENTS_MAX];
    struct hf_mailbox_hardware hw;
    json_t *rows, *mailbox;
    size_t count = 0;
    int r = hf_mailbox_hardware_get(c, &hw, err);

    if (r == 0)
        r = hf_agreement_list(c, list, &count, err);
    if (r < 0)
        return r;
    mailbox = hf_put_object(inv->report, "mailbox");
    hf_put_text(mailbox, "mode", hf_mailbox_mode_name(hw.mode));
    hf_put_bool(mailbox, "present", hw.present);
    hf_put_bool(mailbox, "rom", hw.rom);
    hf_put_bool(mailbox, "memory_named", hw.memory_named);
    if (hw.mode != HF_MAILBOX_OFF || hw.present)
        hf_field(inv, "Mailbox", "%s%s", hf_mailbox_mode_name(hw.mode),
                 !hw.present                 ? ", from the next power-on"
                 : hw.mode == HF_MAILBOX_OFF ? " from the next power-on"
                                             : "");
    rows = hf_put_array(inv->report, "contract");
    for (size_t i = 0; i < count; i++) {
        put_agreement(rows, &list[i]);
        say_agreement(inv, i ? "" : "Contract", &list[i]);
    }
    return 0;
}
