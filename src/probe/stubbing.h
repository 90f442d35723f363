/* SPDX-License-Identifier: BSD-2-Clause */
/* One of QEMU's options on its way into a stub: what each option becomes, and what they are made with. */
#ifndef HF_STUBBING_H
#define HF_STUBBING_H

#include <stdbool.h>
#include <stddef.h>

#include "option_text.h"
#include "stub_arguments.h"

/* Pairs that are kept are gathered in `text`. */
struct hf_stubbing {
    struct hf_stub stub;
    const char *option;
    char *text;
    size_t size;
    char kind[64]; /* the value of the key that says what it is: a device's driver, an object's type */
    bool medium;   /* a drive names a file */
    bool floppy;
    char omitted[48]; /* ",key,key": what was left out of it; what is longer is cut */
    bool drop;        /* the whole option is left out */
    bool bad;
};

/* `text` is the option's argument, NULL where it has none. */
typedef int hf_stub_fn(struct hf_stubbing *s, const char *text, struct hf_error *err);

/* Adds a pair. */
void hf_stubbing_put(struct hf_stubbing *s, const char *key, const char *value);
/* Adds an option to the stub; `argument` may be NULL. */
void hf_stubbing_emit(struct hf_stubbing *s, const char *option, const char *argument);
/* Notes that something of the option was left out. */
void hf_stubbing_tell(struct hf_stubbing *s, const char *what);
void hf_stubbing_note_kind(struct hf_stubbing *s, const char *value);

/* Walks the pairs and emits what `pair` kept. `implied` is the key of a first part without one. */
int hf_stubbing_rebuild(struct hf_stubbing *s, const char *text, const char *implied, hf_option_pair_fn *pair,
                        struct hf_error *err);

/* Emits what was gathered and tells what was not. */
void hf_stubbing_finish(struct hf_stubbing *s);

/* Notes that a pair was left out. */
void hf_stubbing_omit(struct hf_stubbing *s, const char *key);

/* `list` ends in NULL; a word of it that ends in '*' stands for all that begin so. */
bool hf_stands_in(const char *word, const char *const *list);

/* As it is; not at all, and told. */
hf_stub_fn hf_stub_keep, hf_stub_leave_out;

/* stub_devices.c: the machine, and what it shows its firmware. */
hf_stub_fn hf_stub_machine, hf_stub_device, hf_stub_object, hf_stub_boot, hf_stub_smbios, hf_stub_fw_cfg,
    hf_stub_global, hf_stub_set, hf_stub_cpu, hf_stub_usbdevice;

/* stub_backends.c: what leads out of the machine. */
hf_stub_fn hf_stub_drive, hf_stub_disk, hf_stub_blockdev, hf_stub_backend, hf_stub_nic, hf_stub_net, hf_stub_console,
    hf_stub_nographic, hf_stub_audio;

#endif
