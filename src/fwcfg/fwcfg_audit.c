/* SPDX-License-Identifier: BSD-2-Clause */
#include "fwcfg_internal.h"

int hf_fwcfg_audit(const struct hf_fwcfg *d, unsigned i, struct hf_fwcfg_audit *ret)
{
    const struct entry *e;

    if (!d->sealed || i >= d->n_files + d->n_keyed)
        return -HF_ENOTFOUND;
    e = i < d->n_files ? &d->files[i] : &d->keyed[i - d->n_files];
    *ret = (struct hf_fwcfg_audit){.name = e->name[0] != '\0' ? e->name : NULL,
                                   .key = e->key,
                                   .size = e->size,
                                   .selects = e->seen.selects,
                                   .bytes_read = e->seen.bytes_read,
                                   .bytes_written = e->seen.bytes_written,
                                   .writes_refused = e->seen.writes_refused,
                                   .first = e->seen.first,
                                   .last = e->seen.last};
    return 0;
}

void hf_fwcfg_audit_clear(struct hf_fwcfg *d)
{
    for (unsigned i = 0; i < d->n_files; i++)
        memset(&d->files[i].seen, 0, sizeof d->files[i].seen);
    for (unsigned i = 0; i < d->n_keyed; i++)
        memset(&d->keyed[i].seen, 0, sizeof d->keyed[i].seen);
}
