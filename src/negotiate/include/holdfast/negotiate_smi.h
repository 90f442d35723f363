/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The `smi` domain as QEMU's q35 shows it, for firmware that knows nothing else (unmodified OVMF): three fw_cfg files,
 * where *selecting* the third commits what was written to the second. That is QEMU's rule and the one place where a
 * look changes something; the same domain can be negotiated by request record without it.
 */
#ifndef HOLDFAST_NEGOTIATE_SMI_H
#define HOLDFAST_NEGOTIATE_SMI_H

#include <holdfast/negotiate_host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_SMI_DOMAIN         "smi"
#define HF_SMI_SUPPORTED_FILE "etc/smi/supported-features" /* 8 bytes, read only */
#define HF_SMI_REQUESTED_FILE "etc/smi/requested-features" /* 8 bytes, writable at any time */
#define HF_SMI_OK_FILE        "etc/smi/features-ok"        /* 1 byte, read only; call hf_smi_view_commit on select */

#define HF_SMI_BROADCAST      0
#define HF_SMI_CPU_HOTPLUG    1 /* needs BROADCAST */
#define HF_SMI_CPU_HOT_UNPLUG 2 /* needs CPU_HOTPLUG and BROADCAST */

/* The domain's declaration for a host that can do `features` (bits 0 .. 2). */
HF_PUBLIC struct hf_negotiate_domain hf_smi_domain(uint64_t features);

/* The bytes of the three files. `requested` migrates as bytes; `ok` follows from the domain. */
struct hf_smi_view {
    struct hf_negotiate *n;
    hf_le64 supported, requested;
    uint8_t ok;
};

/* HF_ENOTFOUND: `n` has no domain "smi". */
HF_PUBLIC int hf_smi_view_init(struct hf_smi_view *view, struct hf_negotiate *n, struct hf_error *err);

/* Select of features-ok: asks the domain for what stands in `requested`, sets `ok`. */
HF_PUBLIC void hf_smi_view_commit(struct hf_smi_view *view);

/* After hf_negotiate_reset(). */
HF_PUBLIC void hf_smi_view_reset(struct hf_smi_view *view);

/* After hf_negotiate_load(), when `requested` has its bytes again. */
HF_PUBLIC void hf_smi_view_loaded(struct hf_smi_view *view);

#ifdef __cplusplus
}
#endif
#endif
