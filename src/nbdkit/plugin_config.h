/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the plugin: the parameters on nbdkit's command line. */
#ifndef HF_PLUGIN_CONFIG_H
#define HF_PLUGIN_CONFIG_H

#include <stdint.h>

/* What --help of nbdkit prints. */
#define HF_PLUGIN_CONFIG_HELP                                                                                          \
    "container=G.hold      (required) the guest's container\n"                                                         \
    "lock-fd=N             inherited descriptor of the owner lock\n"                                                   \
    "status-fd=N           inherited descriptor for status lines\n"                                                    \
    "user=U group=G        user and group to run as once all is open\n"                                                \
    "boot-id=ID            the guest's boot opens here, on this boot of the host\n"                                    \
    "incoming=1            it is being received: read only until the first write\n"                                    \
    "judged=1              a write of the whole bank waits for an answer on status-fd\n"                               \
    "writer=PID            the process that wrote to the server before this one; 0: it has ended"

struct hf_plugin_config {
    char *container; /* absolute */
    char *user, *group, *boot_id;
    int lock_fd, status_fd; /* -1: not given */
    int incoming, judged;   /* booleans */
    int64_t writer;         /* a process id, 0 for one that has ended; -1: not given */
};

/* One KEY=VALUE. 0, or -1 when nbdkit was told what is wrong. */
int hf_plugin_config_set(struct hf_plugin_config *config, const char *key, const char *value);
void hf_plugin_config_free(struct hf_plugin_config *config);

#endif
