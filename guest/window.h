/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox as Linux sees it: BAR 2 of an ivshmem-plain device (1af4:1110), mapped through sysfs. A guest may have
 * other devices of that kind; the one with the host's magic in it is ours.
 */
#ifndef HF_GUEST_WINDOW_H
#define HF_GUEST_WINDOW_H

#include <limits.h>

#include <holdfast/error.h>

#include "mailbox_guest.h"

#define HF_PCI_DEVICES "/sys/bus/pci/devices"

struct window {
    char device[PATH_MAX]; /* its directory in sysfs */
    int fd;                /* of its BAR, locked: one tool at a time */
    struct hf_mailbox_port port;
};

/*
 * Finds and maps it. `device`: an address ("0000:00:04.0") or a directory, NULL to look for it. `port.wait` is the
 * caller's. HF_ENOTFOUND: there is none, or that device is not it; HF_EREFUSED, rule "root", "lockdown" or "boot-only";
 * HF_EOWNED: another holdfast-guest is at work.
 */
int window_open(const char *device, struct window *w, struct hf_error *err);
void window_close(struct window *w);

#endif
