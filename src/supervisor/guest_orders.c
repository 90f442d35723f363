/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest orders through the mailbox, done as an operator's verbs do it, and by the same rules. */
#include "mailbox_watch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "confirm.h"
#include "digest.h"
#include "eventlog.h"
#include "guest_keys.h"
#include "guest_words.h"
#include "outlook.h"
#include "rollback.h"
#include "setting_lists.h"
#include "stage.h"

#define X86_IMAGE_MAX (8U << 20) /* flash is mapped below 4 GiB there */

static const char origin[] = "inside the guest";

/* ---- replies ---- */

/* Cut where it is longer. */
static void put_text(char *to, size_t size, const char *text)
{
    size_t n = strnlen(text, size - 1);

    memcpy(to, text, n);
    to[n] = '\0';
}

static void put_slot(uint8_t digest[32], char label[64], bool there, const struct hf_slot_info *slot)
{
    if (!there)
        return;
    memcpy(digest, slot->code.b, sizeof slot->code.b);
    put_text(label, 64, slot->label);
}

static const uint32_t life_words[] = {
    [HF_LIFE_STEADY] = 0, [HF_LIFE_STAGED] = 1, [HF_LIFE_APPLIED] = 2, [HF_LIFE_TRIAL] = 2, [HF_LIFE_ROLLBACK] = 3,
};
_Static_assert(HF_ARRAY_SIZE(life_words) == HF_LIFE_MAX, "one word per state");

/* What the host has of keys for this guest; whether the set adds anything is tried without a change. */
static uint32_t keys_of(struct hf_mailbox_watch *m, const struct hf_outlook *o)
{
    const struct hf_guest_keys_request look = {.tpm_aware = true, .dry_run = true, .now = (int64_t)time(NULL)};
    uint32_t keys = o->has_staged && hf_slot_has_keys(&o->staged) ? HF_MAILBOX_KEYS_STAGED : 0;
    struct hf_key_stage_report report;

    if (!hf_guest_keys_allowed(m->run->container))
        return keys;
    keys |= HF_MAILBOX_KEYS_ALLOWED;
    if (!(keys & HF_MAILBOX_KEYS_STAGED) && hf_guest_keys_stage(m->run->container, &look, &report, NULL) == 0 &&
        !report.nothing)
        keys |= HF_MAILBOX_KEYS_OFFERED;
    return keys;
}

static void put_facts(struct hf_mailbox_watch *m, struct hf_mailbox_reply *reply)
{
    hf_auto(hf_cleanup_free) struct hf_outlook *o = malloc(sizeof *o);

    if (!o || hf_outlook_get(m->run->container, o, NULL) < 0)
        return;
    reply->life = hf_le32_of(life_words[o->record.life]);
    reply->boots_started = hf_le32_of(o->record.trial.started);
    reply->boots_failed = hf_le32_of(o->record.trial.failed);
    reply->boots_limit = hf_le32_of(o->record.trial.limit);
    reply->keys = hf_le32_of(keys_of(m, o));
    put_slot(reply->active, reply->active_label, true, &o->active);
    put_slot(reply->staged, reply->staged_label, o->has_staged, &o->staged);
}

/* How an order went: what the guest is told, and what the log says of it. */
struct outcome {
    struct hf_mailbox_reply reply;
    struct hf_error why; /* HF_OK: the reply's own text */
};

static void say_done(struct outcome *out, enum hf_mailbox_done done, const char *text)
{
    out->reply.done = hf_le32_of(done);
    put_text(out->reply.text, sizeof out->reply.text, text);
}

/* What a verb returned. */
static void say_outcome(struct outcome *out, int r, const struct hf_error *err, const char *done)
{
    if (r == 0) {
        say_done(out, HF_MAILBOX_DONE, done);
        return;
    }
    out->why = *err;
    say_done(out, r == -HF_EREFUSED ? HF_MAILBOX_REFUSED : HF_MAILBOX_FAILED, hf_guest_words(err));
    if (r == -HF_EREFUSED)
        put_text(out->reply.rule, sizeof out->reply.rule, err->rule);
}

/* ---- orders ---- */

static void confirm(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out)
{
    struct hf_confirm_report report;
    struct hf_error err;
    int r = hf_confirm_from_inside(m->run->container, (int64_t)time(NULL), &report, &err);

    say_outcome(out, r, &err, r == 0 && report.was == HF_LIFE_STEADY ? "there was nothing to confirm" : "confirmed");
}

static void roll_back(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out)
{
    const uint32_t both = HF_MAILBOX_VARIABLES_FALLBACK | HF_MAILBOX_VARIABLES_CURRENT;
    struct hf_rollback_request request = {
        .chosen = (job->flags & both) != 0,
        .wish = {.variables = job->flags & HF_MAILBOX_VARIABLES_CURRENT ? HF_VARIABLES_CURRENT : HF_VARIABLES_FALLBACK,
                 .by_guest = true},
        .now = (int64_t)time(NULL),
    };
    struct hf_rollback_report report;
    struct hf_error err;
    int r;

    if ((job->flags & both) == both) {
        say_done(out, HF_MAILBOX_BAD_ORDER, "either the fallback's variables or the present ones");
        return;
    }
    r = hf_rollback(m->run->container, &request, &report, &err);
    say_outcome(out, r, &err, "the firmware of before comes back at the next reset");
}

static bool is_allowed(struct hf_mailbox_watch *m, const uint8_t bytes[HF_DIGEST_SIZE])
{
    char allowed[HF_SETTING_VALUE_SIZE];
    struct hf_digest digest;

    memcpy(digest.b, bytes, sizeof digest.b);
    return hf_setting_get(m->run->container, "guest-update", allowed, NULL) == 0 &&
           hf_setting_has_digest(allowed, &digest);
}

static void begin(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out)
{
    bool small = hf_board_of(m->machine->type) != HF_BOARD_VIRT;
    uint8_t *room;

    free(hf_mailbox_orders_forget(&m->orders));
    if (!is_allowed(m, job->digest)) {
        say_done(out, HF_MAILBOX_NOT_ALLOWED,
                 "the guest's owner has not allowed this image: 'holdfast set G.hold guest-update=SHA256' on the host");
        return;
    }
    if (small && job->size > X86_IMAGE_MAX) {
        say_done(out, HF_MAILBOX_TOO_LARGE, "this machine maps at most 8 MiB of flash");
        return;
    }
    room = malloc(job->size);
    if (!room) {
        say_done(out, HF_MAILBOX_FAILED, "the host is out of memory for the image");
        return;
    }
    hf_mailbox_orders_expect(&m->orders, job, room);
    say_done(out, HF_MAILBOX_DONE, "");
}

static void end_prepared(void *ctx);

/* The rest follows in end_prepared(). */
static void end(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out)
{
    uint8_t *image = hf_mailbox_orders_forget(&m->orders);
    struct hf_error err;
    int r = hf_guest_work_start(&m->run->loop, image, (size_t)job->size, end_prepared, m, &m->work, &err);

    m->work_unheard = false;
    if (r < 0)
        say_outcome(out, r, &err, "");
    else
        m->work_job = *job;
}

static int stage(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct hf_error *err)
{
    const struct hf_guest_worked *worked = hf_guest_work_result(m->work);
    hf_auto(hf_cleanup_free) struct hf_stage_report *report = calloc(1, sizeof *report);
    struct hf_stage_request request = {
        .work = &worked->work,
        .origin = origin,
        .by_guest = true,
        .tpm_aware = (job->flags & HF_MAILBOX_TPM_AWARE) != 0,
        .now = (int64_t)time(NULL),
    };

    request.bytes = hf_guest_work_image(m->work, &request.size);
    if (!report)
        return hf_error_nomem(err);
    if (worked->r < 0) {
        *err = worked->err;
        return worked->r;
    }
    return hf_stage(m->run->container, &request, report, err);
}

static void end_with(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out)
{
    const struct hf_guest_worked *worked = hf_guest_work_result(m->work);
    struct hf_error err;
    int r;

    if (memcmp(worked->digest.b, job->digest, sizeof worked->digest.b) != 0) {
        say_done(out, HF_MAILBOX_NOT_THE_IMAGE, "what came does not have the digest that was announced");
        return;
    }
    /* The owner may have changed his mind since the image began. */
    if (!is_allowed(m, job->digest)) {
        say_done(out, HF_MAILBOX_NOT_ALLOWED, "the guest's owner no longer allows this image");
        return;
    }
    r = stage(m, job, &err);
    say_outcome(out, r, &err, "staged; it is applied at the next reset");
}

static void keys(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out)
{
    const struct hf_guest_keys_request request = {.tpm_aware = (job->flags & HF_MAILBOX_TPM_AWARE) != 0,
                                                  .now = (int64_t)time(NULL)};
    struct hf_key_stage_report report = {.nothing = false};
    struct hf_error err;
    int r = hf_guest_keys_stage(m->run->container, &request, &report, &err);

    say_outcome(out, r, &err,
                report.nothing ? "the guest has all of these keys" : "staged; they are added at the next reset");
}

static void forget(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out)
{
    free(hf_mailbox_orders_forget(&m->orders));
    say_done(out, HF_MAILBOX_DONE, "");
}

static void status(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out)
{
    say_done(out, HF_MAILBOX_DONE, "");
}

static const struct {
    const char *name; /* for the log; NULL: nothing happens that would be worth it */
    void (*carry_out)(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out);
} orders[] = {
    [HF_MAILBOX_STATUS] = {NULL, status},
    [HF_MAILBOX_CONFIRM] = {"confirm", confirm},
    [HF_MAILBOX_ROLLBACK] = {"roll back", roll_back},
    [HF_MAILBOX_BEGIN] = {"take an image", begin},
    [HF_MAILBOX_END] = {"stage it", end},
    [HF_MAILBOX_FORGET] = {NULL, forget},
    [HF_MAILBOX_KEYS] = {"add Secure Boot keys", keys},
};

static void log_order(struct hf_mailbox_watch *m, const char *name, const struct outcome *out)
{
    bool done = hf_le32_get(out->reply.done) == HF_MAILBOX_DONE;
    const char *words = out->why.code == HF_OK ? out->reply.text : out->why.text;
    struct hf_error err;
    int r = hf_begin(m->run->container, &err);

    if (r == 0)
        r = hf_event_append(m->run->container, (int64_t)time(NULL), "mailbox", &err, "the guest ordered: %s; %s%s%s",
                            name, done ? "done" : "refused", words[0] ? ": " : "", words);
    if (r == 0)
        r = hf_commit(m->run->container, HF_SOON, &err);
    hf_abort(m->run->container);
    if (r < 0)
        hf_run_say(m->run, "an order of the guest could not be logged: %s", err.text);
}

static void answer(struct hf_mailbox_watch *m, const struct hf_mailbox_job *job, struct outcome *out)
{
    if (orders[job->command].name)
        log_order(m, orders[job->command].name, out);
    put_facts(m, &out->reply);
    hf_mailbox_orders_reply(&m->orders, &out->reply);
}

/* The guest that ordered it before a reset no longer waits for the answer; it is done all the same. */
static void end_prepared(void *ctx)
{
    struct outcome out = {.reply.done = hf_le32_of(HF_MAILBOX_DONE)};
    struct hf_mailbox_watch *m = ctx;

    end_with(m, &m->work_job, &out);
    hf_guest_work_free(hf_take_ptr(m->work));
    if (m->work_unheard)
        log_order(m, orders[HF_MAILBOX_END].name, &out);
    else
        answer(m, &m->work_job, &out);
}

void hf_guest_orders_publish(struct hf_mailbox_watch *m)
{

    hf_guest_orders_end(m);
    hf_mailbox_orders_publish(&m->orders, m->window.bytes, m->host.generation,
                              m->hw.mode == HF_MAILBOX_BOOT_ONLY ? HF_MAILBOX_MODE_BOOT_ONLY : HF_MAILBOX_MODE_ALWAYS);
}

bool hf_guest_orders_poll(struct hf_mailbox_watch *m)
{
    struct outcome out = {.reply.done = hf_le32_of(HF_MAILBOX_DONE)};
    enum hf_mailbox_orders_saw saw;
    struct hf_mailbox_job job;

    if (m->work)
        return false;
    saw = hf_mailbox_orders_poll(&m->orders, hf_loop_now(), &job);
    if (saw != HF_MAILBOX_SAW_JOB)
        return saw != HF_MAILBOX_SAW_NOTHING;
    orders[job.command].carry_out(m, &job, &out);
    if (!m->work)
        answer(m, &job, &out);
    return true;
}

void hf_guest_orders_end(struct hf_mailbox_watch *m)
{
    m->work_unheard = true;
    free(hf_mailbox_orders_forget(&m->orders));
}

void hf_guest_orders_drop(struct hf_mailbox_watch *m)
{
    hf_guest_work_free(hf_take_ptr(m->work));
}
