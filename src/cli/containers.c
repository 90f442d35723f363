/* SPDX-License-Identifier: BSD-2-Clause */
#include "containers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t hf_now(void)
{
    return (int64_t)time(NULL);
}

int hf_open_operand(const struct hf_invocation *inv, enum hf_open_mode mode, struct hf_container **out,
                    struct hf_error *err)
{
    if (inv->dry_run && mode == HF_OPEN_EDIT)
        mode = HF_OPEN_LOOK;
    return hf_container_open(inv->operands[0], mode, hf_now(), out, err);
}

int hf_close_after(struct hf_container *c, int r, struct hf_error *err)
{
    int closed = hf_container_close(c, r < 0 ? NULL : err);

    return r < 0 ? r : closed;
}

int hf_change(struct hf_container *c, int (*change)(struct hf_container *c, void *ctx, struct hf_error *err), void *ctx,
              struct hf_error *err)
{
    int r = hf_begin(c, err);

    if (r < 0)
        return r;
    r = change(c, ctx, err);
    if (r < 0) {
        hf_abort(c);
        return r;
    }
    return hf_commit(c, HF_DURABLE, err);
}

const char *hf_digest_short(const struct hf_digest *digest, char text[HF_DIGEST_SHORT_SIZE])
{
    char whole[HF_DIGEST_TEXT_SIZE];

    snprintf(text, HF_DIGEST_SHORT_SIZE, "%.12s", hf_digest_text(digest, whole));
    return text;
}

void hf_put_digest(json_t *object, const char *key, const struct hf_digest *digest)
{
    char text[HF_DIGEST_TEXT_SIZE];

    hf_put_text(object, key, hf_digest_text(digest, text));
}

void hf_put_guest(json_t *object, const struct hf_guest *guest)
{
    json_t *g = hf_put_object(object, "guest");

    hf_put_text(g, "uuid", guest->uuid);
    hf_put_text(g, "name", guest->name);
    hf_put_text(g, "arch", guest->arch);
    hf_put_text(g, "machine", guest->machine);
}
