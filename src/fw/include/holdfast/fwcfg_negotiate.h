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
    glue->window = (struct hf_negotiate_window){.answer = {.status = {{0}}}};
    hf_negotiate_no_answer(glue->n, &glue->window.answer);
    if (glue->smi.n)
        hf_smi_view_reset(&glue->smi);
}

/* Adds the two files. Errors of hf_fwcfg_add_file(). */
static inline int hf_fwcfg_negotiate_attach(struct hf_fwcfg_negotiate *glue, struct hf_fwcfg *device,
                                            struct hf_negotiate *n, struct hf_error *err)
{
    size_t size;
    const void *directory = hf_negotiate_directory(n, &size);
    const struct hf_fwcfg_item domains = {.name = HF_NEGOTIATE_DOMAINS_FILE,
                                          .key = HF_NEGOTIATE_DOMAINS_KEY,
                                          .data = directory,
                                          .size = (uint32_t)size};
    const struct hf_fwcfg_item window = {.name = HF_NEGOTIATE_WINDOW_FILE,
                                         .key = HF_NEGOTIATE_WINDOW_KEY,
                                         .buffer = &glue->window,
                                         .size = sizeof glue->window,
                                         .flags = HF_FWCFG_WRITABLE,
                                         .on_write = hf_fwcfg_negotiate_on_write,
                                         .opaque = glue};
    int r;

    glue->n = n;
    glue->smi.n = NULL;
    hf_fwcfg_negotiate_reset(glue);
    r = hf_fwcfg_add_file(device, &domains, err);
    return r < 0 ? r : hf_fwcfg_add_file(device, &window, err);
}

/* Adds etc/smi/{supported-features,requested-features,features-ok} as a view of the domain "smi". After _attach. */
static inline int hf_fwcfg_negotiate_attach_smi(struct hf_fwcfg_negotiate *glue, struct hf_fwcfg *device,
                                                struct hf_error *err)
{
    struct hf_smi_view *v = &glue->smi;
    const struct hf_fwcfg_item files[] = {
        {.name = HF_SMI_SUPPORTED_FILE, .data = &v->supported, .size = sizeof v->supported},
        {.name = HF_SMI_REQUESTED_FILE,
         .buffer = &v->requested,
         .size = sizeof v->requested,
         .flags = HF_FWCFG_WRITABLE},
        {.name = HF_SMI_OK_FILE,
         .data = &v->ok,
         .size = sizeof v->ok,
         .on_select = hf_fwcfg_negotiate_on_smi_select,
         .opaque = glue},
    };
    int r = hf_smi_view_init(v, glue->n, err);

    for (size_t i = 0; r == 0 && i < sizeof files / sizeof files[0]; i++)
        r = hf_fwcfg_add_file(device, &files[i], err);
    return r;
}

#ifdef __cplusplus
}
#endif
#endif
