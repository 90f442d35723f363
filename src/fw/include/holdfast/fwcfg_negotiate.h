/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hangs negotiation into a fw_cfg device: the two files at their fixed selectors and, if asked, QEMU's three SMI files.
 * A VMM with its own fw_cfg does what these few functions do.
 *
 *     config:  hf_fwcfg_negotiate_attach, hf_fwcfg_negotiate_attach_smi, then hf_fwcfg_seal
 *     reset:   hf_fwcfg_reset, hf_fwcfg_negotiate_reset (at an S3 wake too)
 *     moving:  save both; load hf_negotiate, then hf_fwcfg, then call hf_fwcfg_negotiate_loaded
 */
#ifndef HOLDFAST_FWCFG_NEGOTIATE_H
#define HOLDFAST_FWCFG_NEGOTIATE_H

#include <holdfast/fwcfg_device.h>
#include <holdfast/negotiate_host.h>
#include <holdfast/negotiate_smi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes of the files; lives as long as the device. */
struct hf_fwcfg_negotiate {
    struct hf_negotiate *n;
    struct hf_negotiate_window window;
    struct hf_smi_view smi; /* smi.n is NULL when the files are not there */
};

/* One write is one request. Anything else than a whole one gets the status BAD_WRITE. */
static inline void hf_fwcfg_negotiate_on_write(void *opaque, uint32_t offset, uint32_t length)
{
    struct hf_fwcfg_negotiate *glue = (struct hf_fwcfg_negotiate *)opaque;
    bool whole = offset == 0 && length == sizeof glue->window.request;

    (void)hf_negotiate_request(glue->n, &glue->window.request, whole ? length : 0, &glue->window.answer);
}

static inline void hf_fwcfg_negotiate_on_smi_select(void *opaque, struct hf_fwcfg *device)
{
    (void)device;
    hf_smi_view_commit(&((struct hf_fwcfg_negotiate *)opaque)->smi);
}

/* After hf_negotiate_load() and hf_fwcfg_load(). */
static inline void hf_fwcfg_negotiate_loaded(struct hf_fwcfg_negotiate *glue)
{
    if (glue->smi.n)
        hf_smi_view_loaded(&glue->smi);
}

static inline void hf_fwcfg_negotiate_reset(struct hf_fwcfg_negotiate *glue)
{
    hf_negotiate_reset(glue->n);
    __builtin_memset(&glue->window, 0, sizeof glue->window);
    hf_negotiate_no_answer(glue->n, &glue->window.answer);
    if (glue->smi.n)
        hf_smi_view_reset(&glue->smi);
}

/* One file of ours: constant bytes, or a buffer that the guest may write. (No designated initialisers: a VMM in C++ may
 * include this.) */
static inline int hf_fwcfg_negotiate_add(struct hf_fwcfg_negotiate *glue, struct hf_fwcfg *device, const char *name,
                                         uint16_t key, const void *data, void *buffer, uint32_t size,
                                         hf_fwcfg_select_fn *on_select, hf_fwcfg_write_fn *on_write,
                                         struct hf_error *err)
{
    struct hf_fwcfg_item item;

    __builtin_memset(&item, 0, sizeof item);
    item.name = name;
    item.key = key;
    item.data = data;
    item.buffer = buffer;
    item.size = size;
    item.flags = buffer ? (unsigned)HF_FWCFG_WRITABLE : 0;
    item.on_select = on_select;
    item.on_write = on_write;
    item.opaque = glue;
    return hf_fwcfg_add_file(device, &item, err);
}

/* Adds the two files. Errors of hf_fwcfg_add_file(). */
static inline int hf_fwcfg_negotiate_attach(struct hf_fwcfg_negotiate *glue, struct hf_fwcfg *device,
                                            struct hf_negotiate *n, struct hf_error *err)
{
    size_t size;
    const void *directory = hf_negotiate_directory(n, &size);
    int r;

    glue->n = n;
    glue->smi.n = NULL;
    hf_fwcfg_negotiate_reset(glue);
    r = hf_fwcfg_negotiate_add(glue, device, HF_NEGOTIATE_DOMAINS_FILE, HF_NEGOTIATE_DOMAINS_KEY, directory, NULL,
                               (uint32_t)size, NULL, NULL, err);
    if (r < 0)
        return r;
    return hf_fwcfg_negotiate_add(glue, device, HF_NEGOTIATE_WINDOW_FILE, HF_NEGOTIATE_WINDOW_KEY, NULL, &glue->window,
                                  sizeof glue->window, NULL, hf_fwcfg_negotiate_on_write, err);
}

/* Adds etc/smi/{supported-features,requested-features,features-ok} as a view of the domain "smi". After _attach. */
static inline int hf_fwcfg_negotiate_attach_smi(struct hf_fwcfg_negotiate *glue, struct hf_fwcfg *device,
                                                struct hf_error *err)
{
    struct hf_smi_view *v = &glue->smi;
    int r = hf_smi_view_init(v, glue->n, err);

    if (r == 0)
        r = hf_fwcfg_negotiate_add(glue, device, HF_SMI_SUPPORTED_FILE, 0, &v->supported, NULL, sizeof v->supported,
                                   NULL, NULL, err);
    if (r == 0)
        r = hf_fwcfg_negotiate_add(glue, device, HF_SMI_REQUESTED_FILE, 0, NULL, &v->requested, sizeof v->requested,
                                   NULL, NULL, err);
    if (r == 0)
        r = hf_fwcfg_negotiate_add(glue, device, HF_SMI_OK_FILE, 0, &v->ok, NULL, sizeof v->ok,
                                   hf_fwcfg_negotiate_on_smi_select, NULL, err);
    return r;
}

#ifdef __cplusplus
}
#endif
#endif
