/* SPDX-License-Identifier: BSD-2-Clause */
#include "published.h"

#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "banks.h"
#include "cleanup.h"
#include "places.h"
#include "whole_file.h"

/* What SELinux policies let every QEMU read. */
#define CONTENT_LABEL "system_u:object_r:virt_content_t:s0"

static int file_digest(const char *uuid, char path[PATH_MAX], struct hf_digest *digest, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    uint64_t size;
    int r;

    hf_libvirt_state_path(uuid, HF_PUBLISHED_CODE, path);
    r = hf_file_read(path, HF_BANK_SIZE_MAX, &bytes, &size, err);
    if (r == 0)
        *digest = hf_digest_of(bytes, size);
    return r;
}

static int changed(const char *path, const struct hf_digest *is, const struct hf_digest *should, struct hf_error *err)
{
    char a[HF_DIGEST_TEXT_SIZE], b[HF_DIGEST_TEXT_SIZE];

    return hf_error_refuse(err, "published",
                           "'%s' holds other bytes (%.12s) than the firmware that the guest runs (%.12s): another "
                           "program changed the file. Nothing was started. Remove it, and the next start publishes the "
                           "guest's own again",
                           path, hf_digest_text(is, a), hf_digest_text(should, b));
}

int hf_published_check(struct hf_container *c, const struct hf_adoption *adoption, struct hf_error *err)
{
    struct hf_digest is, bank;
    char path[PATH_MAX];
    int r = file_digest(adoption->uuid, path, &is, err);

    if (r == -HF_ENOTFOUND)
        return 0;
    if (r == 0)
        r = hf_bank_digest(c, HF_BANK_CODE, &bank, err);
    if (r < 0 || hf_digest_equal(&is, &bank))
        return r;
    if (adoption->has_published && hf_digest_equal(&is, &adoption->published))
        return 0;
    return changed(path, &is, &bank, err);
}

static void label(const char *path)
{
    if (access("/sys/fs/selinux/enforce", F_OK) == 0)
        (void)setxattr(path, "security.selinux", CONTENT_LABEL, sizeof CONTENT_LABEL, 0);
}

int hf_publish(struct hf_container *c, struct hf_adoption *adoption, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = NULL;
    struct hf_digest is, bank;
    char path[PATH_MAX];
    uint64_t size;
    int r = hf_bank_digest(c, HF_BANK_CODE, &bank, err);

    if (r == 0)
        r = hf_bank_size(c, HF_BANK_CODE, &size, err);
    if (r < 0)
        return r;
    if (file_digest(adoption->uuid, path, &is, NULL) < 0 || !hf_digest_equal(&is, &bank)) {
        bytes = malloc(size);
        if (!bytes)
            return hf_error_set(err, HF_ENOMEM, "%llu bytes of code: out of memory", (unsigned long long)size);
        r = hf_bank_read(c, HF_BANK_CODE, 0, bytes, size, err);
        if (r == 0)
            r = hf_file_replace(path, bytes, size, 0644, NULL, err);
        if (r < 0)
            return r;
        label(path);
    }
    adoption->published = bank;
    adoption->has_published = true;
    return hf_adoption_save(adoption, err);
}

int hf_published_verify(const struct hf_adoption *adoption, struct hf_error *err)
{
    struct hf_digest is;
    char path[PATH_MAX];
    int r = file_digest(adoption->uuid, path, &is, err);

    if (r < 0 || hf_digest_equal(&is, &adoption->published))
        return r;
    return changed(path, &is, &adoption->published, err);
}
