/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_watch.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <holdfast/negotiate_host.h>

#include "eventlog.h"
#include "mailbox_inside.h"
#include "state.h"

#define REFUSALS_LOGGED 16 /* in one boot: a guest may ask for ever */

static void poll_window(void *ctx);

/* ---- what is agreed, into the container ---- */

struct hf_agreement *hf_mailbox_agreement_of(struct hf_mailbox_watch *m, const char *domain)
{
    for (size_t i = 0; i < m->agreement_count; i++) {
        if (!strcmp(m->agreements[i].domain, domain))
            return &m->agreements[i];
    }
    return NULL;
}

static int log_answer(struct hf_mailbox_watch *m, const struct hf_mailbox_news *news, struct hf_error *err)
{
    char asked[HF_BITS_TEXT_SIZE];
    int64_t now = (int64_t)time(NULL);

    (void)hf_bits_text(&news->wanted, asked);
    if (news->status == HF_NEGOTIATE_ACCEPTED)
        return hf_event_append(m->run->container, now, "mailbox", err, "%s: the firmware asked for %s; agreed",
                               news->domain, asked);
    if (news->bit != HF_NEGOTIATE_NO_BIT)
        return hf_event_append(m->run->container, now, "mailbox", err,
                               "%s: the firmware asked for %s; refused: %s, bit %u", news->domain, asked,
                               hf_negotiate_status_text(news->status), news->bit);
    return hf_event_append(m->run->container, now, "mailbox", err, "%s: the firmware asked for %s; refused: %s",
                           news->domain, asked, hf_negotiate_status_text(news->status));
}

/* What the domains are now, beside what the container says. True when a lock is not written down. */
static bool compare(const struct hf_mailbox_watch *m, const struct hf_mailbox_news *news,
                    struct hf_agreement now[HF_DOMAINS_MAX])
{
    bool differs = false;

    for (size_t i = 0; i < m->agreement_count; i++) {
        const struct hf_agreement *was = &m->agreements[i];

        now[i] = *was;
        now[i].locked = hf_negotiate_agreed(m->negotiate, was->domain, &now[i].agreed);
        if (!strcmp(was->domain, news->domain)) {
            now[i].asked_once = true;
            now[i].asked = news->wanted;
            now[i].status = news->status;
        }
        differs = differs || now[i].locked != was->locked || !hf_bits_equal(&now[i].agreed, &was->agreed);
    }
    return differs;
}

static int write_all(struct hf_mailbox_watch *m, const struct hf_agreement *list, size_t count, struct hf_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = hf_agreement_put(m->run->container, &list[i], err);
    return r;
}

static int write_answer(struct hf_mailbox_watch *m, const struct hf_mailbox_news *news, const struct hf_agreement *now,
                        struct hf_error *err)
{
    int r = hf_begin(m->run->container, err);

    if (r == 0)
        r = write_all(m, now, m->agreement_count, err);
    if (r == 0)
        r = log_answer(m, news, err);
    if (r == 0)
        return hf_commit(m->run->container, HF_DURABLE, err);
    hf_abort(m->run->container);
    return r;
}

/* hf_mailbox_keep_fn */
static int keep(void *opaque, const struct hf_mailbox_news *news)
{
    struct hf_mailbox_watch *m = opaque;
    struct hf_agreement now[HF_DOMAINS_MAX];
    bool locks = compare(m, news, now), refused = news->status != HF_NEGOTIATE_ACCEPTED;
    struct hf_error err;

    if (!locks && (!refused || m->refusals >= REFUSALS_LOGGED)) {
        memcpy(m->agreements, now, m->agreement_count * sizeof now[0]);
        return 0;
    }
    if (write_answer(m, news, now, &err) < 0) {
        if (!m->failing)
            hf_run_say(m->run, "what the firmware and holdfast agreed on cannot be stored: %s", err.text);
        m->failing = true;
        return locks ? -1 : 0; /* a refusal promises nothing */
    }
    m->failing = false;
    m->refusals += refused;
    memcpy(m->agreements, now, m->agreement_count * sizeof now[0]);
    return 0;
}

/* ---- a boot begins ---- */

static int log_offer(struct hf_mailbox_watch *m, struct hf_error *err)
{
    char text[512] = "", bits[HF_BITS_TEXT_SIZE];
    size_t at = 0;

    for (size_t i = 0; i < m->agreement_count && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %s", i ? "; " : "", m->agreements[i].domain,
                               hf_bits_text(&m->agreements[i].offered, bits));
    return hf_event_append(m->run->container, (int64_t)time(NULL), "mailbox", err, "offered: %s", text);
}

void hf_mailbox_fill_offers(struct hf_mailbox_watch *m, const struct hf_negotiate_domain *list, size_t count)
{
    m->agreement_count = count;
    for (size_t i = 0; i < count; i++) {
        m->agreements[i] = (struct hf_agreement){.version = list[i].version, .offered = list[i].supported};
        (void)snprintf(m->agreements[i].domain, sizeof m->agreements[i].domain, "%s", list[i].name);
    }
}

static int write_offers(struct hf_mailbox_watch *m, struct hf_error *err)
{
    int r = hf_begin(m->run->container, err);

    if (r == 0)
        r = hf_contract_clear(m->run->container, err);
    if (r == 0)
        r = write_all(m, m->agreements, m->agreement_count, err);
    if (r == 0)
        r = hf_state_set_text(m->run->container, HF_MAILBOX_STAGE_STATE, hf_mailbox_stage_name(HF_MAILBOX_STAGE_NONE),
                              err);
    if (r == 0)
        r = log_offer(m, err);
    if (r == 0)
        return hf_commit(m->run->container, HF_DURABLE, err);
    hf_abort(m->run->container);
    return r;
}

/* Any number but those that the guest may have seen. */
static uint32_t new_generation(const uint8_t *window)
{
    hf_le32 seen, shown;
    uint32_t n;

    memcpy(&seen, window + HF_MAILBOX_GUEST_AT + offsetof(struct hf_mailbox_guest, generation), sizeof seen);
    memcpy(&shown, window + HF_MAILBOX_HOST_AT + offsetof(struct hf_mailbox_host, generation), sizeof shown);
    n = hf_le32_get(shown);
    do {
        if (getrandom(&n, sizeof n, 0) != (ssize_t)sizeof n)
            n++; /* whatever the guest says that it saw, the next but one is another */
    } while (n == 0 || n == hf_le32_get(seen) || n == hf_le32_get(shown));
    return n;
}

int hf_mailbox_make(struct hf_mailbox_watch *m, const struct hf_negotiate_domain *list, size_t count,
                    struct hf_error *err)
{
    uint32_t generation = new_generation(m->window.bytes);
    int r = hf_negotiate_init(m->memory, sizeof m->memory, list, count, generation, &m->negotiate, err);

    if (r == 0)
        r = hf_mailbox_publish(m->window.bytes, m->negotiate, generation, &m->host, err);
    if (r < 0)
        return r;
    m->host.keep = keep;
    m->host.opaque = m;
    m->refusals = 0;
    m->failing = m->files_given = false;
    hf_guest_orders_publish(m);
    hf_mailbox_pace_begin(&m->pace, hf_loop_now());
    return 0;
}

/* ---- for the supervisor ---- */

void hf_mailbox_watch_init(struct hf_mailbox_watch *m, struct hf_run *run, struct hf_machine *machine,
                           void (*booted)(void *ctx), void *ctx)
{
    memset(m, 0, sizeof *m);
    m->run = run;
    m->machine = machine;
    m->booted = booted;
    m->ctx = ctx;
}

int hf_mailbox_watch_open(struct hf_mailbox_watch *m, struct hf_error *err)
{
    int r;

    if (!hf_mailbox_watch_is_on(m))
        return 0;
    r = hf_mailbox_window_open(m->run->dir, &m->window, err);
    m->machine->mailbox = r == 0 ? m->window.path : NULL;
    return r;
}

static int publish_fresh(struct hf_mailbox_watch *m, struct hf_error *err)
{
    struct hf_negotiate_domain list[HF_DOMAINS_MAX];
    size_t count;
    int r = hf_domains_offered(m->run->container, list, &count, err);

    if (r < 0)
        return r;
    hf_mailbox_fill_offers(m, list, count);
    r = write_offers(m, err);
    if (r == 0)
        r = hf_mailbox_make(m, list, count, err);
    if (r == 0)
        hf_mailbox_reset(&m->host);
    return r;
}

/* Half a mailbox is worse than none: nobody answers until the next reset. */
static void withdraw(struct hf_mailbox_watch *m)
{
    hf_mailbox_withdraw(m->window.bytes);
    hf_guest_orders_end(m);
    m->negotiate = NULL;
}

int hf_mailbox_watch_publish(struct hf_mailbox_watch *m, bool arrived, struct hf_error *err)
{
    int r = 0;

    if (!m->window.bytes)
        return 0;
    if (!m->negotiate)
        r = hf_mailbox_files_find_device(m, err);
    if (r == 0)
        r = arrived ? hf_mailbox_arrival_publish(m, err) : publish_fresh(m, err);
    if (r < 0)
        withdraw(m);
    return r;
}

void hf_mailbox_watch_running(struct hf_mailbox_watch *m)
{
    struct hf_error err;

    if (!m->negotiate || !m->window.bytes)
        return;
    if (!m->run->pause.running)
        hf_loop_cancel(&m->run->loop, poll_window, m);
    else if (hf_loop_timer(&m->run->loop, HF_MAILBOX_BUSY_MS, poll_window, m, &err) < 0)
        hf_run_fail(m->run, &err);
}

void hf_mailbox_watch_close(struct hf_mailbox_watch *m)
{
    hf_loop_cancel(&m->run->loop, poll_window, m);
    hf_guest_orders_end(m);
    hf_mailbox_window_close(&m->window);
    m->machine->mailbox = NULL;
    m->negotiate = NULL;
}

/* ---- while it runs ---- */

/* Stages count where the driver agreed to report them. */
static bool reports_stages(const struct hf_mailbox_watch *m)
{
    struct hf_bits agreed;

    return m->negotiate && hf_negotiate_agreed(m->negotiate, HF_DOMAIN_LIFECYCLE, &agreed) &&
           hf_bits_has(&agreed, HF_LIFECYCLE_STAGES);
}

bool hf_mailbox_watch_still_booting(const struct hf_mailbox_watch *m)
{
    return reports_stages(m) && m->host.stage < HF_MAILBOX_STAGE_EXIT_BOOT;
}

static int write_report(struct hf_mailbox_watch *m, const struct hf_mailbox_news *news, struct hf_error *err)
{
    const char *stage = hf_mailbox_stage_name(news->stage), *loader = hf_mailbox_loader_name(news->loader);
    int64_t now = (int64_t)time(NULL);
    int r = 0;

    if (news->moved_on)
        r = hf_event_append(m->run->container, now, "mailbox", err, "the firmware reported: %s", stage);
    if (r == 0 && news->moved_on)
        r = hf_state_set_text(m->run->container, HF_MAILBOX_STAGE_STATE, stage, err);
    if (r == 0 && news->loaded)
        r = hf_event_append(m->run->container, now, "mailbox", err, "the firmware reported of the tables: %s", loader);
    return r;
}

static void keep_report(struct hf_mailbox_watch *m, const struct hf_mailbox_news *news)
{
    struct hf_error err;
    int r = hf_begin(m->run->container, &err);

    if (r == 0)
        r = write_report(m, news, &err);
    if (r == 0)
        r = hf_commit(m->run->container, HF_SOON, &err);
    hf_abort(m->run->container);
    if (r < 0)
        hf_run_say(m->run, "what the firmware reported could not be stored: %s", err.text);
}

void hf_mailbox_look_at_stage(struct hf_mailbox_watch *m)
{
    if (m->host.stage == HF_MAILBOX_STAGE_EXIT_BOOT && reports_stages(m))
        m->booted(m->ctx);
}

static void on_news(struct hf_mailbox_watch *m, const struct hf_mailbox_news *news)
{
    if (news->asked)
        hf_mailbox_files_give(m);
    if (news->moved_on || news->loaded)
        keep_report(m, news);
    hf_mailbox_look_at_stage(m); /* also when the last stage came before the agreement to report it */
}

static void poll_window(void *ctx)
{
    struct hf_mailbox_watch *m = ctx;
    struct hf_mailbox_news news;
    bool boot_only = m->hw.mode == HF_MAILBOX_BOOT_ONLY, ordered = false;
    struct hf_error err;
    int next;

    /* A pause wakes nobody who had stopped looking. */
    if (!m->window.bytes || !m->negotiate || !m->run->pause.running ||
        hf_mailbox_pace_is_over(m->host.stage, boot_only))
        return;
    if (hf_mailbox_poll(&m->host, &news))
        on_news(m, &news);
    if (!hf_mailbox_pace_is_over(m->host.stage, boot_only))
        ordered = hf_guest_orders_poll(m);
    next = hf_mailbox_pace_next(&m->pace, hf_loop_now(), news.asked || ordered, m->host.stage, boot_only);
    if (next >= 0 && hf_loop_timer(&m->run->loop, next, poll_window, m, &err) < 0)
        hf_run_fail(m->run, &err);
}
