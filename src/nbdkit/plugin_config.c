/* SPDX-License-Identifier: BSD-2-Clause */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "plugin_config.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

static int set_path(const char *key, const char *value, void *field)
{
    char **path = (char **)field;

    free(*path);
    *path = nbdkit_absolute_path(value);
    return *path ? 0 : -1;
}

static int set_text(const char *key, const char *value, void *field)
{
    char **text = (char **)field;

    free(*text);
    *text = strdup(value);
    return *text ? 0 : -1;
}

static int set_fd(const char *key, const char *value, void *field)
{
    int *fd = (int *)field;

    if (nbdkit_parse_int(key, value, fd) < 0)
        return -1;
    if (*fd < 3 || fcntl(*fd, F_SETFD, FD_CLOEXEC) < 0) {
        nbdkit_error("%s=%s: not an inherited descriptor", key, value);
        return -1;
    }
    return 0;
}

/* Its reader may be stopped, and the guest must go on. */
static int set_status_fd(const char *key, const char *value, void *field)
{
    return set_fd(key, value, field) < 0 ? -1 : fcntl(*(int *)field, F_SETFL, O_NONBLOCK);
}

static int set_bool(const char *key, const char *value, void *field)
{
    int *yes = (int *)field;

    *yes = nbdkit_parse_bool(value);
    return *yes < 0 ? -1 : 0;
}

static int set_number(const char *key, const char *value, void *field)
{
    return nbdkit_parse_int64_t(key, value, (int64_t *)field);
}

static const struct {
    const char *key;
    int (*set)(const char *key, const char *value, void *field);
    size_t field;
} parameters[] = {
    {"container", set_path, offsetof(struct hf_plugin_config, container)},
    {"lock-fd", set_fd, offsetof(struct hf_plugin_config, lock_fd)},
    {"status-fd", set_status_fd, offsetof(struct hf_plugin_config, status_fd)},
    {"user", set_text, offsetof(struct hf_plugin_config, user)},
    {"group", set_text, offsetof(struct hf_plugin_config, group)},
    {"boot-id", set_text, offsetof(struct hf_plugin_config, boot_id)},
    {"incoming", set_bool, offsetof(struct hf_plugin_config, incoming)},
    {"judged", set_bool, offsetof(struct hf_plugin_config, judged)},
    {"writer", set_number, offsetof(struct hf_plugin_config, writer)},
};

int hf_plugin_config_set(struct hf_plugin_config *config, const char *key, const char *value)
{
    for (size_t i = 0; i < HF_ARRAY_SIZE(parameters); i++)
        if (strcmp(key, parameters[i].key) == 0)
            return parameters[i].set(key, value, (char *)config + parameters[i].field);
    nbdkit_error(
        "unknown parameter '%s'; use container, lock-fd, status-fd, user, group, boot-id, incoming, judged or writer",
        key);
    return -1;
}

void hf_plugin_config_free(struct hf_plugin_config *config)
{
    free(config->container);
    free(config->user);
    free(config->group);
    free(config->boot_id);
}
