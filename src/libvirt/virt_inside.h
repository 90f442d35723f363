/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the files that call libvirt: virt.c and virt_events.c. */
#ifndef HF_VIRT_INSIDE_H
#define HF_VIRT_INSIDE_H

#include <dlfcn.h>
#include <libvirt/libvirt.h>

#include "virt.h"

struct hf_virt {
    virConnect *connection;
    virDomain *domain;
};

/* A list of functions, X(name) each, becomes pointers p_name, which LOAD_FUNCTION fills in a function that returns an
 * error when the library has one of them not. */
#define HF_VIRT_POINTER(name) static __typeof__(name) *p_##name;
#define HF_VIRT_LOAD(name)                                                                                             \
    *(void **)&p_##name = dlsym(library, #name);                                                                       \
    if (!p_##name)                                                                                                     \
        return hf_error_set(err, HF_ENOTFOUND, "this libvirt is too old: it has no " #name "()");

/* libvirt's error, after what was tried: "reading the domain's XML". */
int hf_virt_failed(struct hf_error *err, const char *doing);

#endif
