/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox of a guest that comes with its memory and its contract, from another host or a file. Its own page came
 * along in memory, which it writes at any time: how far its firmware came is taken from the container.
 */
#include "mailbox_inside.h"

#include <string.h>

#include <holdfast/negotiate_guest.h>

#include "state.h"

/* What came, and what is offered for it here. */
struct arrived {
    struct hf_agreement contract[HF_AGREEMENTS_MAX];
    struct hf_negotiate_domain offered[HF_DOMAINS_MAX];
    size_t count, offered_count;
};

static int look(struct hf_container *c, struct arrived *a, struct hf_error *err)
{
    int r = hf_agreement_list(c, a->contract, &a->count, err);

    return r < 0 ? r : hf_domains_arrived(c, a->contract, a->count, a->offered, &a->offered_count, err);
}

static int promised_elsewhere(const struct hf_agreement *a, struct hf_error *err)
{
    char bits[HF_BITS_TEXT_SIZE];

    return hf_error_refuse(err, "contract",
                           "the guest was promised bits %s of domain '%s', version %u, which this holdfast does not "
                           "offer; it would have to reset where it came from, with those bits masked",
                           hf_bits_text(&a->agreed, bits), a->domain, a->version);
}

/* Locks what was locked, by the same words as the guest used. */
static int agree_again(struct hf_negotiate *n, const struct hf_agreement *a, struct hf_error *err)
{
    static const struct hf_bits none;
    struct hf_negotiate_request request;
    struct hf_negotiate_answer answer;

    if (!a->locked)
        return 0;
    if (hf_negotiate_request_fill(&request, a->domain, a->version, &a->agreed) == 0 &&
        hf_negotiate_request(n, &request, sizeof request, &answer) == HF_NEGOTIATE_ACCEPTED)
        return 0;
    return hf_bits_equal(&a->agreed, &none) ? 0 : promised_elsewhere(a, err);
}

static int agree_to_all(struct hf_negotiate *n, const struct arrived *a, struct hf_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < a->count; i++)
        r = agree_again(n, &a->contract[i], err);
    return r;
}

int hf_mailbox_arrival_check(struct hf_container *c, struct hf_error *err)
{
    _Alignas(16) uint8_t memory[HF_NEGOTIATE_ROOM];
    struct hf_negotiate *n;
    struct arrived a;
    int r = look(c, &a, err);

    if (r == 0)
        r = hf_negotiate_init(memory, sizeof memory, a.offered, a.offered_count, 1, &n, err);
    return r < 0 ? r : agree_to_all(n, &a, err);
}

/* A name of a stage that this holdfast does not know counts as none: it is asked for again. */
static int restore_stage(struct hf_mailbox_watch *m, struct hf_error *err)
{
    char name[HF_STATE_VALUE_SIZE];
    int r = hf_state_text(m->run->container, HF_MAILBOX_STAGE_STATE, name, err);

    for (unsigned i = 0; r == 0 && i < HF_MAILBOX_STAGE_MAX; i++) {
        if (!strcmp(name, hf_mailbox_stage_name((enum hf_mailbox_stage)i)))
            m->host.stage = (enum hf_mailbox_stage)i;
    }
    return r;
}

int hf_mailbox_arrival_publish(struct hf_mailbox_watch *m, struct hf_error *err)
{
    struct arrived a;
    int r = look(m->run->container, &a, err);

    if (r == 0)
        r = hf_mailbox_make(m, a.offered, a.offered_count, err);
    if (r == 0)
        r = agree_to_all(m->negotiate, &a, err);
    if (r == 0)
        r = restore_stage(m, err);
    if (r < 0)
        return r;
    hf_mailbox_fill_offers(m, a.offered, a.offered_count);
    for (size_t i = 0; i < a.count; i++) {
        struct hf_agreement *mine = hf_mailbox_agreement_of(m, a.contract[i].domain);

        if (mine)
            *mine = a.contract[i];
    }
    hf_mailbox_refresh(&m->host);
    hf_mailbox_files_give(m); /* the guest may not have read those that it was given elsewhere */
    hf_mailbox_look_at_stage(m);
    return 0;
}
