/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's own list of the devices that sit on buses, with their properties (`info qtree`). One command, whatever the
 * machine has: QEMU reads its monitor byte by byte, 12 us for each, so that a question for every device is what a start
 * would wait for. QEMU's answers are hostile: text that is not such a list, or that lacks a PCI device's ROM file, is
 * no answer.
 */
#ifndef HF_DEVICE_TREE_H
#define HF_DEVICE_TREE_H

#include "monitor.h"

#define HF_DEVICE_TYPE_SIZE  64
#define HF_DEVICE_DEPTH_MAX  64
#define HF_DEVICE_VALUE_SIZE 256

/* What is told of it, in the list's order. The texts are the callee's for the call. A callback may be NULL; a negative
 * result ends the reading with it. */
struct hf_device_visitor {
    int (*device)(void *ctx, const char *type, const char *controller,
                  struct hf_error *err);                               /* "": on no device's bus */
    int (*romfile)(void *ctx, const char *name, struct hf_error *err); /* of a PCI device */
    void *ctx;
};

/* HF_EPROTO: it is no list of devices. */
int hf_device_tree_parse(const char *text, const struct hf_device_visitor *visitor, struct hf_error *err);

/* The same of the machine behind this monitor. And what the monitor fails with. */
int hf_device_tree_ask(struct hf_monitor *m, const struct hf_device_visitor *visitor, struct hf_error *err);

#endif
