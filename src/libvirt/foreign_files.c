/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign_files.h"

#include <stdlib.h>
#include <string.h>

#include "adoption.h"
#include "cleanup.h"
#include "places.h"

#define UUID_LENGTH 36

/* "//", "." and ".." taken out of an absolute path; never longer than it was. */
static void normalize(const char *path, char to[PATH_MAX])
{
    size_t used = 0;

    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && path[0] == '.' && path[1] == '.') {
            while (used > 0 && to[--used] != '/')
                continue;
        } else if (n > 0 && !(n == 1 && path[0] == '.') && used + n + 1 < PATH_MAX) {
            to[used++] = '/';
            memcpy(to + used, path, n);
            used += n;
        }
        path += n + (path[n] == '/');
    }
    to[used] = 0;
}

/* Without symbolic links where it is there. */
static void resolve(const char *path, char real[PATH_MAX])
{
    if (!realpath(path, real))
        normalize(path, real);
}

/* Which domain's directory below `base` the path is in. */
static bool find_owner(const char *path, const char *base, char uuid[UUID_LENGTH + 1])
{
    char real[PATH_MAX], real_base[PATH_MAX];
    const char *rest;
    size_t n;

    resolve(path, real);
    resolve(base, real_base);
    n = strlen(real_base);
    if (strncmp(real, real_base, n) != 0 || real[n] != '/')
        return false;
    rest = real + n + 1;
    if (strcspn(rest, "/") != UUID_LENGTH || !rest[UUID_LENGTH])
        return false;
    memcpy(uuid, rest, UUID_LENGTH);
    uuid[UUID_LENGTH] = 0;
    return true;
}

static int refuse(const struct hf_domain *d, const char *what, const char *uuid, struct hf_error *err)
{
    struct hf_adoption other;

    if (hf_adoption_load(uuid, &other, NULL) < 0)
        return hf_error_refuse(
            err, "copied",
            "domain '%s' (%s) names the %s of a domain with UUID %s, which is not adopted here; nothing "
            "was started. Give it files of its own",
            d->name, d->uuid, what, uuid);
    return hf_error_refuse(
        err, "copied",
        "domain '%s' names the %s of domain '%s', so two guests would write one container; nothing was "
        "started. Give it a container of its own: holdfast libvirt clone %s %s",
        d->name, what, other.name, other.name, d->name);
}

int hf_foreign_files_check(const struct hf_domain *d, struct hf_error *err)
{
    static const char *const bases[] = {HF_LIBVIRT_STATE, HF_LIBVIRT_RUN};
    char uuid[UUID_LENGTH + 1];

    for (size_t i = 0; i < HF_ARRAY_SIZE(bases); i++) {
        if (d->loader[0] && find_owner(d->loader, bases[i], uuid) && strcmp(uuid, d->uuid) != 0)
            return refuse(d, "firmware", uuid, err);
        if (d->nvram[0] && find_owner(d->nvram, bases[i], uuid) && strcmp(uuid, d->uuid) != 0)
            return refuse(d, "variables", uuid, err);
    }
    return 0;
}
