/* SPDX-License-Identifier: BSD-2-Clause */
#include "mover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int hf_mover_new(struct hf_mover **out, struct hf_error *err)
{
    struct hf_mover *m = calloc(1, sizeof *m);

    if (!m)
        return hf_error_nomem(err);
    m->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->done < 0) {
        free(m);
        return hf_error_set(err, HF_EIO, "no descriptor to wait for libvirt: %s", strerror(errno));
    }
    *out = m;
    return 0;
}

static void *move(void *opaque)
{
    struct hf_mover *m = opaque;

    m->r = hf_virt_migrate(m->here, m->there, &m->options, &m->err);
    if (eventfd_write(m->done, 1) < 0)
        abort();
    return NULL;
}

int hf_mover_start(struct hf_mover *m, struct hf_error *err)
{
    if (pthread_create(&m->thread, NULL, move, m) != 0)
        return hf_error_set(err, HF_EIO, "a thread for libvirt's migration cannot be started");
    m->started = true;
    return 0;
}

void hf_mover_take(struct hf_mover *m)
{
    eventfd_t unused;

    (void)eventfd_read(m->done, &unused);
    (void)pthread_join(m->thread, NULL);
    m->over = true;
}

void hf_mover_free(struct hf_mover *m)
{
    if (!m || (m->started && !m->over))
        return;
    hf_virt_close(m->here);
    hf_virt_close(m->there);
    (void)close(m->done);
    free(m);
}
