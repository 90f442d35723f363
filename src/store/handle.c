/* SPDX-License-Identifier: BSD-2-Clause */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "epochs.h"
#include "line.h"
#include "lock.h"

struct hf_container *hf_container_alloc(struct hf_error *err)
{
    struct hf_container *c = (struct hf_container *)calloc(1, sizeof *c);

    if (c) {
        c->lock_fd = c->place_lock_fd = c->uuid_lock_fd = c->gate = c->line = c->prepared = c->place.fd = -1;
        c->digester = hf_record_digester();
    }
    if (c && c->digester)
        return c;
    hf_container_free(c);
    (void)hf_error_nomem(err);
    return NULL;
}

void hf_container_free(struct hf_container *c)
{
    if (!c)
        return;
    (void)hf_disconnect(c, NULL);
    hf_lock_drop_beside(&c->place, &c->place_lock_fd);
    free(c->draft);
    hf_place_close(&c->place);
    hf_counter_close(&c->counter);
    hf_epoch_unprepare(c->id, &c->prepared);
    hf_cleanup_close(&c->lock_fd);
    hf_cleanup_close(&c->uuid_lock_fd);
    hf_cleanup_close(&c->gate);
    hf_line_leave(&c->line);
    EVP_MD_CTX_free((EVP_MD_CTX *)c->digester);
    free(c);
}

int hf_container_load(struct hf_container *c, struct hf_error *err)
{
    struct hf_rows rows hf_auto(hf_rows_close) = {0};
    int r = hf_row_find(c, HF_T_CONTAINER, 1, &rows, err);

    if (r == 0)
        return hf_damaged(c, err, "its identity is missing");
    if (r > 0)
        r = hf_row_text(&rows, 0, c->id, sizeof c->id, err);
    if (r < 0)
        return r;
    if (strlen(c->id) != HF_ID_TEXT_SIZE - 1 || strspn(c->id, "0123456789abcdef") != HF_ID_TEXT_SIZE - 1)
        return hf_damaged(c, err, "its id is not 32 hexadecimal digits");
    c->created = rows.v[1].n;
    return 0;
}
