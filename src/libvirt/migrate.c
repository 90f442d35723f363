/* SPDX-License-Identifier: BSD-2-Clause */
#include "moving.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adoption.h"
#include "cleanup.h"
#include "domain_xml.h"
#include "owner_steps.h"
#include "signals.h"
#include "virt.h"
#include "writeback.h"

int64_t hf_moving_now(void)
{
    return (int64_t)time(NULL);
}

void hf_moving_wait_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&t, NULL);
}

void hf_moving_done(struct hf_moving *m)
{
    hf_moving_disconnect(m);
    hf_container_done(&m->container);
    hf_domain_probe_done(&m->probe);
    if (m->frozen >= 0)
        (void)close(m->frozen);
    if (m->signals >= 0)
        (void)close(m->signals);
    hf_intro_done(&m->intro);
    hf_mover_free(m->mover);
}

/* ---- before ---- */

/* QEMU's emulation can lose stores of a guest that runs while its memory is sent (docs/handover.md). */
static int look_at_processor(struct hf_moving *m, struct hf_error *err)
{
    hf_auto(hf_domain_xml_cleanup) struct hf_domain_xml *doc = NULL;
    hf_auto(hf_cleanup_free) char *xml = NULL;
    int r;

    if (!m->state.active || m->q->live_emulated)
        return 0;
    r = hf_virt_xml_now(m->here, &xml, err);
    if (r == 0)
        r = hf_domain_xml_parse(xml, strlen(xml), &doc, err);
    if (r == 0)
        m->report.paused = strcmp(hf_domain_facts(doc)->type, "kvm") != 0;
    return r;
}

static int look(struct hf_moving *m, struct hf_error *err)
{
    struct hf_adoption *a = &m->intro.adoption;
    char uuid[37] = "";
    size_t size;
    int r;

    if (geteuid() != 0)
        return hf_error_refuse(err, "root", "root is required: it reads root's files and moves libvirt's domains");
    r = hf_virt_open(m->q->uri, m->q->domain, &m->mover->here, err);
    m->here = m->mover->here;
    if (r == 0 && !hf_virt_is_system(m->here))
        r = hf_error_refuse(err, "session", "unsupported connection: only qemu:///system of this host");
    if (r == 0)
        r = hf_virt_state(m->here, &m->state, err);
    if (r == 0)
        r = hf_virt_uuid(m->here, uuid, err);
    if (r == 0)
        r = hf_adoption_load(uuid, a, err);
    if (r == -HF_ENOTFOUND && uuid[0])
        return hf_error_set(err, HF_ENOTFOUND, "domain '%s' is not adopted; 'virsh migrate' moves it", m->q->domain);
    if (r == 0)
        r = hf_adoption_original(uuid, &m->intro.original, &size, err);
    if (r == 0 && m->state.saved && !m->state.active)
        r = hf_error_refuse(err, "saved",
                            "domain '%s' has a managed save image, which libvirt does not move; start it, or "
                            "'virsh managedsave-remove' it",
                            a->name);
    if (r == 0 && m->q->transient && !m->state.active)
        r = hf_error_refuse(err, "transient",
                            "domain '%s': --transient: it is shut off, so no host would have its definition; without "
                            "--transient the destination defines it",
                            a->name);
    if (r < 0)
        return r;
    m->intro.live = m->state.active;
    m->report.live = m->state.active;
    r = look_at_processor(m, err);
    memcpy(m->report.uuid, a->uuid, sizeof m->report.uuid);
    memcpy(m->report.name, a->name, sizeof m->report.name);
    memcpy(m->report.container, a->container, sizeof m->report.container);
    return r;
}

/* ---- a domain that is shut off ---- */

static int define_there(struct hf_moving *m, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) char *xml = NULL;
    int r = hf_virt_xml(m->here, &xml, err);

    if (r == 0)
        r = hf_virt_define(m->mover->there, xml, err);
    if (r < 0)
        return hf_error_prefix(err, r, "the container is on '%s'; define the domain there by hand: ", m->report.host);
    return m->q->undefine ? hf_virt_undefine(m->here, err) : 0;
}

static int open_container(struct hf_moving *m, struct hf_error *err)
{
    struct hf_owner owner;
    int r = hf_guest_open_giving(m->report.container, HF_OPEN_EDIT, false, hf_moving_now(), &m->container, err);

    if (r == 0)
        r = hf_owner_standing(m->container, &owner, err);
    m->intro.settle = r == 0 && owner.state == HF_OWNER_GRANTED;
    if (m->q->settle && (r == -HF_EREFUSED || (r == 0 && !m->intro.settle)))
        return hf_error_set(err, HF_ENOTFOUND, "domain '%s' was not given away, or that is settled", m->report.name);
    return r;
}

static enum hf_sending_stage first_stage(const struct hf_moving *m)
{
    if (m->intro.settle)
        return HF_SENDING_ASKING;
    if (m->q->dry_run)
        return HF_SENDING_LOOKING;
    return m->intro.live ? HF_SENDING_MEETING : HF_SENDING_MEETING_PAUSED;
}

int hf_moving_prepare(struct hf_moving *m, struct hf_error *err)
{
    int r = hf_mover_new(&m->mover, err);

    if (r == 0)
        r = look(m, err);
    if (r == 0)
        r = open_container(m, err);
    if (r == 0 && !m->intro.settle)
        r = hf_domain_probe_prepare(m->here, m->container, m->state.active, &m->probe, err);
    if (r == 0 && m->q->to && !m->intro.settle && !m->q->dry_run)
        r = hf_virt_connect(m->q->to, &m->mover->there, err);
    if (r < 0)
        return r;
    r = hf_signals_watch(NULL, 0, &m->signals, err); /* libvirt's threads inherit it */
    return r < 0 ? r : hf_moving_watch(m, err);
}

int hf_moving_begin(struct hf_moving *m, struct hf_error *err)
{
    return hf_moving_connect(m, first_stage(m), err);
}

int hf_libvirt_migrate(const struct hf_migrate_request *q, struct hf_migrate_report *report, struct hf_error *err)
{
    hf_auto(hf_moving_done) struct hf_moving m = {.q = q, .way = {.in = -1, .out = -1}, .signals = -1, .frozen = -1};
    bool settling;
    int r;

    hf_loop_init(&m.loop);
    r = hf_moving_prepare(&m, err);
    if (r == 0)
        r = hf_moving_begin(&m, err);
    if (r < 0)
        return r;
    settling = m.intro.settle;
    r = hf_moving_run(&m, err);
    if (r < 0 && !settling)
        r = hf_moving_take_back(&m, err);
    else if (r < 0)
        r = hf_moving_explain(&m, err);
    if (r == 0 && q->dry_run && !settling)
        hf_moving_give_up(&m, "dry run");
    if (r == 0 && hf_moving_is_departed(&m) && m.mover->started && m.mover->r < 0) {
        *err = m.mover->err;
        r = hf_moving_explain(&m, err);
    }
    if (r == 0 && !settling && !m.intro.live && !q->dry_run)
        r = define_there(&m, err);
    if (r == 0 && settling)
        hf_moving_clean_up(&m);
    m.report.settled = settling;
    m.report.resumed = m.sending.stage == HF_SENDING_RESUMED;
    *report = m.report;
    return r;
}
